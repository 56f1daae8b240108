//! The tables of a site; described in the migrations.

diesel::table! {
    license_site (id) {
        id -> Integer,
        site_id -> Text,
        key_id -> Text,
        licensed -> Bool,
        trial_started -> Nullable<BigInt>,
        trial_moved -> Bool,
        last_seen -> Nullable<BigInt>,
        last_step -> Nullable<BigInt>,
        epoch -> BigInt,
        ran -> BigInt,
        moved_at -> Nullable<BigInt>,
        time_created -> BigInt,
    }
}

diesel::table! {
    license_files (seq) {
        seq -> BigInt,
        license_id -> Text,
        revision -> BigInt,
        role -> Text,
        text -> Text,
        time_installed -> BigInt,
    }
}

diesel::table! {
    license_leases (lease_id) {
        lease_id -> Text,
        instance_id -> Text,
        hostname -> Text,
        version -> Text,
        features -> Text,
        counter -> BigInt,
        attempt -> Nullable<Text>,
        block -> BigInt,
        paid -> Text,
        time_acquired -> BigInt,
        time_expires -> BigInt,
    }
}

diesel::table! {
    license_ledger (seq) {
        seq -> BigInt,
        time -> BigInt,
        kind -> Text,
        license_id -> Text,
        instance_id -> Nullable<Text>,
        batch_seq -> Nullable<BigInt>,
        batch -> Nullable<Text>,
        counts -> Text,
        note -> Nullable<Text>,
        hash -> Binary,
    }
}

diesel::table! {
    license_totals (license_id, period, feature) {
        license_id -> Text,
        period -> Text,
        feature -> Text,
        n -> BigInt,
    }
}

diesel::table! {
    license_devices (device_hash) {
        device_hash -> Text,
        time_seen -> BigInt,
    }
}

diesel::table! {
    license_uses (id) {
        id -> Text,
        instance_id -> Text,
        feature -> Text,
        n -> BigInt,
        batch_seq -> Nullable<BigInt>,
        batch -> Nullable<Text>,
        time_created -> BigInt,
    }
}

diesel::table! {
    license_nodes (instance_id) {
        instance_id -> Text,
        next_seq -> BigInt,
        time_seen -> BigInt,
    }
}
