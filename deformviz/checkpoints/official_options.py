"""What the training scripts of DETR's family call their options."""

# Options of the scripts (and of the constructors) for fields of our configurations.
ARGUMENTS = {
    "hidden_dim": "hidden_channels",
    "nheads": "heads",
    "num_feature_levels": "levels",
    "enc_layers": "encoder_layers",
    "dec_layers": "decoder_layers",
    "enc_n_points": "encoder_points",
    "dec_n_points": "decoder_points",
    "dim_feedforward": "feedforward_channels",
    "num_queries": "queries",
    "num_classes": "classes",
    "dilation": "dilation",
    "pre_norm": "pre_norm",
    "backbone": "backbone",
    "backbone_base_width": "backbone_width",
}
# Options that change the computation, with the values that are built.
FIXED = {"position_embedding": ("sine", "v2")}
# Parts of the files that only another task uses: the segmentation head.
UNUSED = (r"bbox_attention\.", r"mask_head\.")
# Options that say nothing about the network, or what the tensors tell anyway.
SILENT = frozenset(
    """
    activation add_channel_attention add_pos_value amp aux_loss backbone_freeze_keywords
    backbone_out_channels backbone_strides batch_norm_type batch_size bbox_loss_coef box_attn_type
    cache_mode clip_max_norm cls_loss_coef coco_panoptic_path coco_path config_file
    dabdetr_deformable_decoder dabdetr_deformable_encoder dabdetr_yolo_like_anchor_update
    data_aug_max_size data_aug_scale_overlap data_aug_scales data_aug_scales2_crop
    data_aug_scales2_resize dataset_file ddetr_lr_param debug dec_layer_number
    dec_pred_bbox_embed_share dec_pred_class_embed_share decoder_layer_noise device dice_loss_coef
    dist_backend dist_url distributed dln_hw_noise dln_xy_noise dn_box_noise_scale
    dn_label_noise_ratio dn_labelbook_size dn_number dn_scalar dropout ema_decay ema_epoch
    enc_loss_coef eos_coef epochs eval find_unused_params finetune_ignore fix_refpoints_hw
    fix_size focal_alpha frozen_weights giou_loss_coef gpu image_padding interm_loss_coef
    local_rank lr lr_backbone lr_backbone_names lr_drop lr_drop_epochs lr_drop_list
    lr_linear_proj_mult lr_linear_proj_names mask_loss_coef masks match_unstable_error
    matcher_type modelname multi_step_lr nms_iou_threshold no_aux_loss no_interm_box_loss
    no_object_index note num_logits num_select num_workers onecyclelr options output_dir
    param_dict_type pdetr3_bbox_embed_diff_each_layer pdetr3_refHW pe_temperatureH
    pe_temperatureW position_embedding_detail position_embedding_scale pretrain_model_path query_dim
    random_refpoints_xy rank remove_difficult resume return_interm_indices return_interm_layers
    save_checkpoint_interval save_log save_results scalar seed set_cost_bbox set_cost_class
    set_cost_giou sgd start_epoch test transformer_activation two_stage
    two_stage_bbox_embed_share two_stage_class_embed_share two_stage_default_hw unic_layers
    use_checkpoint use_dab use_deformable_box_attn use_detached_boxes_dec_out use_dn use_ema
    weight_decay with_box_refine world_size
    """.split()
)
