// Headers of packed traces, written by `python -m app.canvas.header_types` from the records in
// deformviz/tracing/headers.py, which say what each field means.

/**
 * Sizes of the picture on its way into the model.
 * @typedef {object} FrameHeader
 * @property {number[]} original_hw
 * @property {number[]} resized_hw
 * @property {number[]} padded_hw
 */

/**
 * The best detection of a query; the box in pixels of the original picture.
 * @typedef {object} FoundHeader
 * @property {number} label
 * @property {string} class_name
 * @property {number} score
 * @property {number[]} box_xyxy_px
 */

/**
 * A class a classifier names.
 * @typedef {object} ClassHeader
 * @property {number} label
 * @property {number} probability
 * @property {string} class_name
 */

/**
 * What one kind of attention may read.
 * @typedef {object} KeySetHeader
 * @property {string} name
 * @property {string} title
 * @property {boolean} shared
 * @property {number} keys
 * @property {number} per_head
 * @property {number} heads
 * @property {number[]} cost
 * @property {string} honesty
 * @property {number | null} weight_scale
 */

/**
 * How far a replay of the layer was from what its module returned, of its largest value.
 * @typedef {object} ProofHeader
 * @property {number | string} difference
 * @property {number} tolerance
 * @property {number | null} placement
 */

/**
 * What every packed trace says first.
 * @typedef {object} TraceHeader
 * @property {number} v
 * @property {string} kind
 * @property {string} layer
 * @property {number} queries
 * @property {number[][]} levels
 * @property {number[]} level_starts
 * @property {number} start_query
 * @property {FrameHeader} frame
 * @property {number[]} to_original
 * @property {number[]} from_original
 * @property {number[]} edges_from_original
 * @property {number[]} to_padded
 * @property {number[]} valid_to_padded
 * @property {number[][]} to_levels
 * @property {string} [model_label]
 * @property {string} [honesty_label]
 * @property {ProofHeader | null} [proof]
 */

/**
 * Sampling points of one layer, see `packing.py`.
 * @typedef {object} LayerHeader
 * @property {number} v
 * @property {string} kind
 * @property {string} layer
 * @property {number} queries
 * @property {number[][]} levels
 * @property {number[]} level_starts
 * @property {number} start_query
 * @property {FrameHeader} frame
 * @property {number[]} to_original
 * @property {number[]} from_original
 * @property {number[]} edges_from_original
 * @property {number[]} to_padded
 * @property {number[]} valid_to_padded
 * @property {number[][]} to_levels
 * @property {string} [model_label]
 * @property {string} [honesty_label]
 * @property {ProofHeader | null} [proof]
 * @property {number} heads
 * @property {number[]} [points_per_level]
 * @property {number} [points]
 * @property {string} references
 * @property {number[]} location_zero
 * @property {number[]} location_scale
 * @property {number} weight_scale
 * @property {number} box_layers
 * @property {(FoundHeader | null)[]} detections
 * @property {number} shown_score
 */

/**
 * A deformed grid, see `packing_grid.py`.
 * @typedef {object} GridHeader
 * @property {number} v
 * @property {string} kind
 * @property {string} layer
 * @property {number} queries
 * @property {number[][]} levels
 * @property {number[]} level_starts
 * @property {number} start_query
 * @property {FrameHeader} frame
 * @property {number[]} to_original
 * @property {number[]} from_original
 * @property {number[]} edges_from_original
 * @property {number[]} to_padded
 * @property {number[]} valid_to_padded
 * @property {number[][]} to_levels
 * @property {string} [model_label]
 * @property {string} [honesty_label]
 * @property {ProofHeader | null} [proof]
 * @property {string} version
 * @property {number} heads
 * @property {number} knots
 * @property {number} groups
 * @property {number[]} grid_hw
 * @property {number[]} query_hw
 * @property {number[]} to_grid
 * @property {number} weight_scale
 * @property {boolean} align_corners
 * @property {boolean} has_starts
 * @property {boolean} has_bias
 * @property {number} [bias_zero]
 * @property {number} [bias_scale]
 * @property {number[] | null} mask_hw
 * @property {number[] | null} surface_hw
 * @property {ClassHeader[]} classes
 * @property {number} start_group
 */

/**
 * Dense attention, see `packing_dense.py`; `levels` is empty where keys are the queries.
 * @typedef {object} DenseHeader
 * @property {number} v
 * @property {string} kind
 * @property {string} layer
 * @property {number} queries
 * @property {number[][]} levels
 * @property {number[]} level_starts
 * @property {number} start_query
 * @property {FrameHeader} frame
 * @property {number[]} to_original
 * @property {number[]} from_original
 * @property {number[]} edges_from_original
 * @property {number[]} to_padded
 * @property {number[]} valid_to_padded
 * @property {number[][]} to_levels
 * @property {string} [model_label]
 * @property {string} [honesty_label]
 * @property {ProofHeader | null} [proof]
 * @property {string} side
 * @property {number} heads
 * @property {number} keys
 * @property {(FoundHeader | null)[]} detections
 * @property {number} shown_score
 */

/**
 * What one query may read under several kinds of attention.
 * @typedef {object} KeySetsHeader
 * @property {number} v
 * @property {string} kind
 * @property {string} layer
 * @property {number} queries
 * @property {number[][]} levels
 * @property {number[]} level_starts
 * @property {number} start_query
 * @property {FrameHeader} frame
 * @property {number[]} to_original
 * @property {number[]} from_original
 * @property {number[]} edges_from_original
 * @property {number[]} to_padded
 * @property {number[]} valid_to_padded
 * @property {number[][]} to_levels
 * @property {string} [model_label]
 * @property {string} [honesty_label]
 * @property {ProofHeader | null} [proof]
 * @property {KeySetHeader[]} sets
 * @property {number[]} cost_sides
 * @property {number} channels
 */

export {};
