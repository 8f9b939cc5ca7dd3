"""The key layout of DINO's published files."""

from collections.abc import Mapping
from typing import Any

from deformviz.checkpoints.detector_sizes import count_children
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, FIXED, SILENT, UNUSED
from deformviz.checkpoints.renaming import Table
from deformviz.models.detector_config import DINOConfig


def table(keys: Mapping[str, Any]) -> Table:
    """The heads of the proposals come after those of the layers with us, apart with them."""
    last = count_children(keys, "transformer.decoder.layers")
    pairs = [
        (f"{name}_embed.{last}", f"transformer.enc_out_{name}_embed") for name in ("class", "bbox")
    ]
    body = "backbone.0.body"
    # A Swin stands where a ResNet has a `body`.
    if any(key.startswith(("backbone.0.patch_embed.", f"{body}.patch_embed.")) for key in keys):
        parts = ("patch_embed", "layers", *(f"norm{index}" for index in range(4)))
        pairs += [(f"{body}.{part}", f"backbone.0.{part}") for part in parts]
    return Table(pairs)


NAMING = Naming(
    layout="official DINO",
    system="dino",
    config=DINOConfig,
    required=(
        "transformer.level_embed",
        "transformer.enc_out_class_embed.weight",
        "transformer.decoder.ref_point_head.layers.0.weight",
        "transformer.decoder.layers.0.cross_attn.sampling_offsets.weight",
    ),
    table=table,
    arguments=ARGUMENTS | {"pe_temperatureH": "position_temperature"},
    silent=SILENT,
    fixed=FIXED
    | {
        "two_stage_type": ("standard",),
        "two_stage_pat_embed": (0,),
        "two_stage_add_query_num": (0,),
        "two_stage_learn_wh": (False,),
        "two_stage_keep_all_tokens": (False, True),
        "embed_init_tgt": (True,),
        "decoder_sa_type": ("sa",),
        "decoder_module_seq": (("sa", "ca", "ffn"),),
        "transformer_activation": ("relu",),
        "query_dim": (4,),
        "num_patterns": (0,),
        "pre_norm": (False,),
    },
    unused=(*UNUSED, r"label_enc\."),  # names of noisy boxes, for denoising while training
)
LAYOUT = NAMING.record
