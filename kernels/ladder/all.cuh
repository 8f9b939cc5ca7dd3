// Every rung, for tests and for count.py.
#include "1_thread_per_channel.cuh"
#include "2_levels_by_value.cuh"
#include "3_shared_samples.cuh"
#include "4_wide_loads.cuh"
#include "5_head_tiles.cuh"
#include "6_half_values.cuh"
