//! The only `table!` blocks. `tests/parity.rs` compares them with both databases.

#![expect(missing_docs, reason = "columns are described in the migrations and on the row types")]

diesel::table! {
    companies (id) {
        id -> Text,
        name -> Text,
        webhook_secret -> Nullable<Binary>,
        webhook_hosts -> Text,
        in_deletion -> Bool,
        meta_data -> Text,
        technical_meta_data -> Text,
        time_created -> BigInt,
        time_updated -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        company_id -> Text,
        email -> Text,
        email_key -> Text,
        auth_source -> Text,
        password_hash -> Nullable<Text>,
        role -> Text,
        first_name -> Text,
        last_name -> Text,
        middle_name -> Text,
        is_active -> Bool,
        can_start_analysis_biometry -> Bool,
        can_start_analysis_quality -> Bool,
        can_start_analysis_collection -> Bool,
        can_start_analysis_documents -> Bool,
        meta_data -> Text,
        technical_meta_data -> Text,
        time_created -> BigInt,
        time_updated -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Text,
        kind -> Text,
        family -> Text,
        predecessor -> Nullable<Text>,
        rotated -> Bool,
        expire_hash -> Nullable<Binary>,
        time_created -> BigInt,
        time_seen -> BigInt,
        time_expires -> BigInt,
        time_revoked -> Nullable<BigInt>,
    }
}

diesel::table! {
    folders (id) {
        id -> Text,
        company_id -> Text,
        user_id -> Nullable<Text>,
        resolution_status -> Text,
        system_resolution -> Text,
        operator_status -> Nullable<Text>,
        operator_comment -> Nullable<Text>,
        resolution_endpoint -> Nullable<Text>,
        is_cleaned -> Bool,
        meta_data -> Text,
        technical_meta_data -> Text,
        time_created -> BigInt,
        time_updated -> BigInt,
    }
}

diesel::table! {
    folder_metadata (folder_id, key) {
        folder_id -> Text,
        key -> Text,
        value -> Text,
        company_id -> Text,
        user_id -> Nullable<Text>,
        time_created -> BigInt,
    }
}

diesel::table! {
    blobs (id) {
        id -> Text,
        company_id -> Text,
        name -> Text,
        size -> BigInt,
        refs -> BigInt,
        time_created -> BigInt,
    }
}

diesel::table! {
    media (id) {
        id -> Text,
        folder_id -> Text,
        company_id -> Text,
        kind -> Text,
        tags -> Text,
        original_name -> Nullable<Text>,
        mime -> Text,
        size -> BigInt,
        md5 -> Nullable<Text>,
        width -> Nullable<Integer>,
        height -> Nullable<Integer>,
        duration_ms -> Nullable<BigInt>,
        frames -> Nullable<Integer>,
        meta_data -> Text,
        technical_meta_data -> Text,
        time_created -> BigInt,
        time_updated -> BigInt,
    }
}

diesel::table! {
    media_files (media_id, role) {
        media_id -> Text,
        role -> Text,
        blob_id -> Text,
        mime -> Text,
    }
}

diesel::table! {
    analyses (id) {
        id -> Text,
        folder_id -> Text,
        company_id -> Text,
        group_id -> Text,
        kind -> Text,
        state -> Text,
        resolution -> Nullable<Text>,
        operator_resolution -> Nullable<Text>,
        operator_comment -> Nullable<Text>,
        params -> Text,
        thresholds -> Text,
        results_media -> Text,
        results_data -> Nullable<Text>,
        error_code -> Nullable<Integer>,
        error_message -> Nullable<Text>,
        model_pack -> Nullable<Text>,
        attempts -> Integer,
        meta_data -> Text,
        technical_meta_data -> Text,
        time_created -> BigInt,
        time_updated -> BigInt,
        time_task_send_to_broker -> BigInt,
        time_task_received -> Nullable<BigInt>,
        time_task_finished -> Nullable<BigInt>,
    }
}

diesel::table! {
    analysis_media (analysis_id, media_id) {
        analysis_id -> Text,
        media_id -> Text,
        position -> Integer,
    }
}

diesel::table! {
    analysis_images (id) {
        id -> Text,
        analysis_id -> Text,
        media_id -> Text,
        kind -> Text,
        blob_id -> Text,
        mime -> Text,
        width -> Integer,
        height -> Integer,
        time_ms -> Nullable<BigInt>,
        time_created -> BigInt,
    }
}

diesel::table! {
    jobs (id) {
        id -> Text,
        kind -> Text,
        lane -> Text,
        payload -> Text,
        dedupe_key -> Nullable<Text>,
        priority -> Integer,
        state -> Text,
        attempts -> Integer,
        max_attempts -> Integer,
        run_at -> BigInt,
        lease_token -> Nullable<Text>,
        lease_until -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        request_id -> Nullable<Text>,
        time_created -> BigInt,
        time_finished -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit (id) {
        id -> Text,
        seq -> Nullable<BigInt>,
        time -> BigInt,
        company_id -> Nullable<Text>,
        user_id -> Nullable<Text>,
        request_id -> Nullable<Text>,
        action -> Text,
        object -> Text,
        object_id -> Nullable<Text>,
        subject_key_id -> Nullable<Text>,
        before_value -> Nullable<Binary>,
        after_value -> Nullable<Binary>,
        hash -> Nullable<Binary>,
        address -> Nullable<Text>,
    }
}

diesel::table! {
    audit_exports (sink) {
        sink -> Text,
        seq -> BigInt,
    }
}

diesel::table! {
    subject_keys (id) {
        id -> Text,
        company_id -> Text,
        subject -> Text,
        wrapped_key -> Nullable<Binary>,
        time_created -> BigInt,
        time_destroyed -> Nullable<BigInt>,
    }
}

diesel::table! {
    idempotency_keys (user_id, key) {
        user_id -> Text,
        key -> Text,
        request -> Text,
        body_hash -> Binary,
        folder_id -> Nullable<Text>,
        status -> Nullable<Integer>,
        answer -> Nullable<Text>,
        time_created -> BigInt,
        time_expires -> BigInt,
    }
}

diesel::table! {
    password_resets (token_hash) {
        token_hash -> Binary,
        user_id -> Text,
        time_created -> BigInt,
        time_expires -> BigInt,
    }
}

diesel::table! {
    password_history (user_id, time_created) {
        user_id -> Text,
        time_created -> BigInt,
        password_hash -> Text,
    }
}

diesel::table! {
    counters (name) {
        name -> Text,
        count -> BigInt,
        time_started -> BigInt,
        time_expires -> BigInt,
    }
}

diesel::table! {
    store_identity (id) {
        id -> Text,
    }
}

diesel::joinable!(users -> companies (company_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(password_resets -> users (user_id));
diesel::joinable!(media -> folders (folder_id));
diesel::joinable!(media_files -> media (media_id));
diesel::joinable!(analyses -> folders (folder_id));
diesel::joinable!(analysis_images -> analyses (analysis_id));

diesel::allow_tables_to_appear_in_same_query!(
    companies,
    users,
    sessions,
    folders,
    folder_metadata,
    blobs,
    media,
    media_files,
    analyses,
    analysis_media,
    analysis_images,
    jobs,
    audit,
    subject_keys,
    idempotency_keys,
    audit_exports,
    password_resets,
    password_history,
    counters,
    store_identity
);
