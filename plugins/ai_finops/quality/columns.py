"""The columns of each mart that message, page, finance and alarms read; a mart may have more, never fewer."""

from __future__ import annotations

READ_COLUMNS: dict[str, tuple[str, ...]] = {
    mart: tuple(columns.split())
    for mart, columns in {
        "fct_llm_calls": """
            call_id trace_id span_id feature_id pipeline_id service_name account_id journey_id journey_name user_id task_type
            operation_name provider_name request_model model_id model_tier region_scope processing dialect prompt_version
            price_catalog price_catalog_version cost_reason feature_reason uncached_input_tokens
            cache_read_input_tokens cache_write_5m_input_tokens cache_write_1h_input_tokens output_tokens
            reasoning_output_tokens search_unit_count input_tokens retry_count time_to_first_token_ms estimated_cost_usd
            has_usage is_generating is_error usage_date started_at ended_at duration_ms
        """,
        "fct_daily_allocated_costs": """
            usage_date charge_category feature_id pipeline_id service_name provider_name billing_account_id model_id
            model_tier task_type attribution unattributed_reason cost_status request_count input_tokens output_tokens
            unknown_cost_call_count unknown_cost_tokens estimated_cost_usd allocated_cost_usd corrected_month
            corrected_charge_category
        """,
        "fct_monthly_feature_costs": """
            usage_month provider_name billing_account_id feature_id charge_category corrected_month
            corrected_charge_category display_name team owner cost_status currency_code version is_closed closed_at_date
            request_count estimated_cost_usd billed_cost_usd allocated_cost_usd is_known_feature
        """,
        "fct_monthly_cost_restatements": """
            usage_month provider_name billing_account_id feature_id charge_category closed_version closed_request_count
            restated_request_count closed_allocated_cost_usd restated_allocated_cost_usd allocated_cost_difference_usd
        """,
        "fct_daily_feature_costs": """
            usage_date feature_id display_name team owner cost_status request_count user_count input_tokens output_tokens
            unknown_cost_call_count unknown_cost_tokens estimated_cost_usd allocated_cost_usd cost_usd_per_request
            is_known_feature
        """,
        "fct_daily_reconciliations": """
            usage_date charge_category provider_name billing_account_id model_id token_class region_scope processing
            cell_grain billed_tokens traced_tokens estimated_cost_usd billed_cost_usd allocated_cost_usd
            unattributed_cost_usd coverage_pct coverage_basis error_pct is_settled corrected_month
            corrected_charge_category
        """,
        "rpt_daily_api_costs": """
            usage_date charge_category provider_name billing_account_id model_id cost_status request_count
            allocated_cost_usd unattributed_cost_usd
        """,
        "fct_daily_price_differences": """
            usage_date provider_name billing_account_id model_id token_class region_scope processing reason
            billed_quantity unit_quantity billed_cost_usd difference_cost_usd billed_usd_per_unit price_usd_per_unit
            difference_ratio
        """,
        "rpt_daily_service_costs": """
            usage_date service_name cost_status request_count calling_feature_count allocated_cost_usd
            cost_usd_per_request
        """,
        "rpt_daily_pipeline_costs": """
            usage_date pipeline_id feature_id cost_status request_count allocated_cost_usd pipeline_cost_usd
            pipeline_feature_count pipeline_cost_share_ratio
        """,
        "rpt_feature_value": """
            usage_month feature_id display_name team owner cost_status request_count user_count allocated_cost_usd
            cost_usd_per_request cost_usd_per_user cost_share_ratio request_share_ratio user_share_ratio named_call_ratio
        """,
        "rpt_journey_costs": """
            start_month journey_name entry_feature_id cost_status journey_count unknown_cost_journey_count request_count
            user_count allocated_cost_usd cost_usd_per_journey cost_usd_per_user named_journey_ratio
        """,
        "rpt_instrumentation_coverage": """
            usage_month provider_name billing_account_id service_name model_id billed_cost_usd traced_cost_usd
            missing_trace_cost_usd traced_ratio missing_trace_rank
        """,
        "rpt_focus_costs": """
            BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart ChargeCategory
            ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart CommitmentDiscountCategory
            CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus
            CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit ContractedCost ContractedUnitPrice
            EffectiveCost InvoiceId InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingCurrency
            PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice PricingQuantity
            PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory
            ServiceName ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId SubAccountId SubAccountName Tags
            x_Attribution x_BilledCostUsd x_BilledDate x_ChargeKind x_CostStatus x_FeatureId x_ModelId x_PipelineId
            x_RowId x_TokenClass x_Tokens x_UnattributedReason
        """,
        "fct_daily_unpriced_usage": """
            usage_date provider_name request_model cost_reason call_count input_tokens output_tokens
        """,
        "fct_daily_instrumentation_gaps": """
            usage_date scope_name service_name provider_name request_model reason usage_gap call_count
        """,
        "fct_daily_routing_decisions": """
            usage_date feature_id policy_id first_model_id model_id task_type policy_version strategy reason tier decision_count
            escalatable_count unknown_escalation_count escalated_count fallback_count attempt_count unknown_attempt_count
            unknown_cost_count estimated_cost_usd capable_cost_usd saved_cost_usd mean_duration_ms largest_duration_ms
        """,
        "fct_daily_unmapped_attributes": """
            landing_date attribute_name service_name span_count
        """,
        "fct_daily_extract_outcomes": """
            source landing_date status read_count loaded_count ignored_count quarantined_count duplicate_count error
            extracted_at
        """,
        "fct_daily_run_summaries": """
            run_date station_name status api_cost_reason row_count read_bytes api_call_count s3_list_request_count
            s3_get_request_count cloudwatch_metric_count cost_explorer_request_count unpriced_call_count api_cost_usd
            run_seconds ended_at
        """,
        "fct_daily_metrics": """
            usage_date feature_id dimension metric_name numerator denominator value sample_count considered_count
            unknown_ratio cost_at_stake_usd status validation healthy_bound warning_bound
        """,
        "fct_weekly_metrics": """
            week_start_date feature_id dimension metric_name status validation trend verdict action owner numerator
            denominator value sample_count considered_count unknown_ratio covered_day_count unknown_day_count previous_value
            value_change trend_change estimated_cost_ratio cost_at_stake_usd healthy_bound warning_bound healthy_lower_bound
            is_complete_week
        """,
        "rpt_weekly_rerankers": """
            week_start_date feature_id verdict reason action owner top_k rerank_count compared_count changed_count
            change_ratio judged_count hit_before_ratio hit_after_ratio gained_hit_count lost_hit_count allocated_cost_usd
            cost_usd_per_changed_rerank covered_day_count is_complete_week
        """,
        "fct_daily_cache_opportunities": """
            usage_date feature_id embedder_id similarity query_count hit_count hit_ratio precision_ratio right_hit_ratio
            low_right_hit_ratio high_right_hit_ratio hit_cost_usd saved_cost_usd low_saved_cost_usd high_saved_cost_usd
            is_calibrated
        """,
        "rpt_unused_context": """
            usage_date feature_id evidence validation call_count unknown_cost_call_count document_count
            unused_document_count input_tokens unused_tokens input_cost_usd unused_input_cost_usd
            is_token_count_estimated
        """,
        "fct_cost_projections": """
            as_of_date feature_id scenario target_period target_date month_number actual_cost_usd actual_status
            missing_day_count projected_cost_usd low_cost_usd high_cost_usd method status window_day_count error_horizon
            wape_ratio bias_ratio coverage_ratio error_origin_count is_backcast
        """,
        "rpt_planned_features": """
            as_of_date feature_id pipeline_id status plan_status owner reason launch_date share_ratio assumed_multiplier
            is_default_multiplier cost_factor order_number extra_cost_usd realised_multiplier realised_status
            realised_day_count own_cost_usd others_cost_usd
        """,
        "rpt_budgets": """
            as_of_date feature_id budget_month month_number status method owner reason budget_cost_usd actual_cost_usd
            projected_cost_usd low_cost_usd high_cost_usd budget_used_ratio projected_budget_ratio exceeded_date
            earliest_exceeded_date latest_exceeded_date days_until_exceeded least_days_until_exceeded
            most_days_until_exceeded projection_status error_horizon wape_ratio error_origin_count
        """,
        "fct_projection_backtests": """
            origin_date feature_id method horizon horizon_day_count known_day_count last_target_date projected_cost_usd
            low_cost_usd high_cost_usd actual_cost_usd absolute_error_usd interval_scale is_in_interval is_method_in_use status
        """,
        "fct_projection_errors": """
            as_of_date feature_id method horizon horizon_days origin_count wape_ratio bias_ratio coverage_ratio method_in_use
            is_in_use status
        """,
        "fct_cost_drivers": """
            week_start_date feature_id driver detail contribution_cost_usd is_comparable
        """,
        "fct_daily_cost_baselines": """
            usage_date feature_id baseline_kind status reason cost_status allocated_cost_usd baseline_cost_usd
            excess_cost_usd baseline_ratio baseline_day_count anomaly_day_number is_anomaly anomaly_start_date
        """,
        "fct_cost_anomalies": """
            alert_id usage_date feature_id status reason cost_status main_driver main_driver_detail owner
            allocated_cost_usd baseline_cost_usd excess_cost_usd baseline_ratio main_driver_cost_usd baseline_day_count
            anomaly_day_number is_of_step anomaly_start_date
        """,
        "fct_cost_anomaly_drivers": """
            usage_date feature_id driver detail contribution_cost_usd
        """,
        "fct_savings_opportunities": """
            as_of_date opportunity_id feature_id lever task_type current_model_id target_model_id
            current_cost_usd_per_month target_cost_usd_per_month saving_usd_per_month low_saving_usd_per_month
            high_saving_usd_per_month upfront_cost_usd break_even_weeks ratio_name ratio break_even_ratio head_ratio
            torso_ratio tail_ratio agreement_ratio agreement_sample_count evidence missing_evidence effort owner status reason
            rank is_measured
        """,
        "rpt_caching_vs_distillation": """
            feature_id strategy diversity_basis implementation_effort maintenance_effort expected_ratio_name
            reason query_count training_pair_count query_diversity_ratio drift_ratio expected_ratio
            break_even_ratio default_break_even_ratio latency_change_ms implementation_person_days
            maintenance_person_days_per_month saving_usd_per_month low_saving_usd_per_month
            high_saving_usd_per_month upfront_cost_usd break_even_weeks is_measured is_recommended
            is_rule_of_thumb differs_from_rule as_of_date
        """,
        "rpt_weekly_digest": """
            week_start_date as_of_date covered_day_count missing_days not_compared_reason total_cost_usd
            previous_covered_day_count previous_total_cost_usd change_ratio top_feature_id top_feature_name
            top_feature_cost_usd top_feature_share_ratio previous_top_feature_share_ratio
            previous_top_feature_call_count unattributed_cost_usd unattributed_share_ratio estimated_share_ratio
            month_start_date month_to_date_cost_usd projected_month_end_cost_usd low_month_end_cost_usd
            high_month_end_cost_usd projection_status projection_error_ratio projection_error_horizon
            projection_missing_day_count risen_cost_usd main_driver main_driver_feature_id main_driver_detail
            main_driver_cost_usd main_driver_share_ratio recommended_opportunity_id recommended_feature_name
            recommended_task_type recommended_target_model_id recommended_saving_usd_per_month recommended_agreement_ratio
            recommended_agreement_sample_count recommended_lever recommended_current_model_id recommended_ratio_name
            recommended_ratio recommended_break_even_ratio recommended_break_even_weeks recommended_is_measured
            unknown_cost_call_count previous_unknown_cost_call_count
            month_unknown_cost_call_count unknown_cost_feature_count unpriced_call_count quarantined_record_count
            gap_call_count undecided_sprint_start_date undecided_sprint_end_date
        """,
        "fct_decision_results": """
            decision_id feature_id lever task_type opportunity_id decider decision_status status volume_basis covered_day_count
            baseline_covered_day_count volume_count baseline_volume_count other_decision_count actual_cost_usd
            counterfactual_cost_usd realised_saving_usd realised_saving_usd_per_month expected_saving_usd_per_month
            realised_to_expected_ratio price_change_cost_usd paid_price_ratio uncompared_cost_usd decision_date
            shipped_date week_start_date
        """,
        "rpt_sprints": """
            decision_count is_without_decision is_finished sprint_start_date sprint_end_date
        """,
        "rpt_rollout_readiness": """
            measure_name step status what_is_missing owner week_number value target as_of_date
        """,
        "dim_days": """
            is_covered usage_date week_start_date usage_month
        """,
    }.items()
}
