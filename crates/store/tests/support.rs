//! Rows to test with.

use oz_domain::{
    AnalysisId, AnalysisKind, AnalysisState, AuthSource, BlobId, CompanyId, FileRole, FolderId, GroupId, MediaId,
    MediaKind, Millis, Role, Status, UserId,
};
use oz_store::analyses::{Analysis, AnalysisWithMedia};
use oz_store::blobs::NewBlob;
use oz_store::companies::{self, Company};
use oz_store::folders::{self, Folder};
use oz_store::media::{Media, MediaFile, MediaWithFiles};
use oz_store::users::{self, User};
use oz_store::{AnyConn, Db, Options, Result};
use oz_testkit::TestDatabase;
use serde_json::{Value, json};

pub(crate) const NOW: Millis = Millis::new(1_700_000_000_000);

/// A time after [`NOW`].
pub(crate) fn at(ms: i64) -> Millis {
    Millis::new(NOW.get() + ms)
}

/// An open, migrated database.
pub(crate) async fn open(database: &TestDatabase) -> Db {
    let db = Db::open(database.url(), Options::default()).await.unwrap();
    db.migrate().await.unwrap();
    db
}

pub(crate) fn company(conn: &mut AnyConn) -> Result<CompanyId> {
    let id = CompanyId::new(NOW);
    companies::insert(
        conn,
        &Company {
            id,
            name: "Straße 100% & Sons_".to_owned(),
            webhook_secret: None,
            webhook_hosts: vec!["example.com".to_owned()],
            in_deletion: false,
            meta_data: json!({}),
            technical_meta_data: json!({}),
            time_created: NOW,
            time_updated: NOW,
        },
    )?;
    Ok(id)
}

pub(crate) fn user_row(company_id: CompanyId, email: &str) -> User {
    User {
        id: UserId::new(NOW),
        company_id,
        email: email.to_owned(),
        email_key: users::email_key(email),
        auth_source: AuthSource::Local,
        password_hash: Some("$argon2id$".to_owned()),
        role: Role::Client,
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        middle_name: String::new(),
        is_active: true,
        can_start_analysis_biometry: true,
        can_start_analysis_quality: true,
        can_start_analysis_collection: false,
        can_start_analysis_documents: true,
        meta_data: json!({}),
        technical_meta_data: json!({}),
        time_created: NOW,
        time_updated: NOW,
    }
}

pub(crate) fn user(conn: &mut AnyConn, company: CompanyId) -> Result<UserId> {
    let mut row = user_row(company, "");
    row.email = format!("{}@example.com", row.id);
    row.email_key = users::email_key(&row.email);
    users::insert(conn, &row)?;
    Ok(row.id)
}

pub(crate) fn folder_row(company_id: CompanyId, user_id: UserId, time: Millis, meta_data: Value) -> Folder {
    Folder {
        id: FolderId::new(time),
        company_id,
        user_id: Some(user_id),
        resolution_status: Status::Initial,
        system_resolution: Status::Initial,
        operator_status: None,
        operator_comment: None,
        resolution_endpoint: None,
        is_cleaned: false,
        meta_data,
        technical_meta_data: json!({}),
        time_created: time,
        time_updated: time,
    }
}

pub(crate) fn folder(conn: &mut AnyConn, company: CompanyId, user: UserId) -> Result<Folder> {
    let row = folder_row(company, user, NOW, json!({}));
    folders::insert(conn, &row)?;
    Ok(row)
}

/// A medium of the folder with one acquired file whose content is `content`.
pub(crate) fn medium(conn: &mut AnyConn, folder: &Folder, content: &str) -> Result<MediaWithFiles> {
    let id = MediaId::new(NOW);
    let blob = NewBlob { id: BlobId::new(NOW), company_id: folder.company_id, name: content.to_owned(), size: 3 };
    let blob_id = oz_store::blobs::acquire(conn, &blob, NOW)?.id;
    let media = Media {
        id,
        folder_id: folder.id,
        company_id: folder.company_id,
        kind: MediaKind::Video,
        tags: vec!["video_selfie".to_owned(), "own tag".to_owned()],
        original_name: Some("me.mp4".to_owned()),
        mime: "video/mp4".to_owned(),
        size: 3,
        md5: Some("abc".to_owned()),
        width: Some(720),
        height: None,
        duration_ms: Some(4000),
        frames: Some(100),
        meta_data: json!({"foo": [1, null]}),
        technical_meta_data: json!({}),
        time_created: NOW,
        time_updated: NOW,
    };
    let file = MediaFile { media_id: id, role: FileRole::Original, blob_id, mime: "video/mp4".to_owned() };
    let new = MediaWithFiles { media, files: vec![file] };
    oz_store::media::insert(conn, &new)?;
    Ok(new)
}

pub(crate) fn analysis_row(folder: &Folder, group_id: GroupId, time: Millis, media: &[MediaId]) -> AnalysisWithMedia {
    AnalysisWithMedia {
        analysis: Analysis {
            id: AnalysisId::new(time),
            folder_id: folder.id,
            company_id: folder.company_id,
            group_id,
            kind: AnalysisKind::Quality,
            state: AnalysisState::Processing,
            resolution: None,
            operator_resolution: None,
            operator_comment: None,
            params: json!({"extract_best_shot": true}),
            thresholds: json!({"threshold_spoofing": 0.5}),
            results_media: json!([]),
            results_data: None,
            error_code: None,
            error_message: None,
            model_pack: None,
            attempts: 0,
            meta_data: json!({}),
            technical_meta_data: json!({}),
            time_created: time,
            time_updated: time,
            time_task_send_to_broker: time,
            time_task_received: None,
            time_task_finished: None,
        },
        source_media: media.to_vec(),
        images: Vec::new(),
    }
}
