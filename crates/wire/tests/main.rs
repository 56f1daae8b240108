//! The wire as clients see it: literal JSON, both name generations (`oz-api.md` 3, 7, 13, 22, 25).

use oz_domain::{AnalysisId, CompanyId, FolderId, GroupId, MediaId, Millis, Role, TokenId, UserId};
use oz_wire::{
    Analysis, AuthAnswer, Folder, FolderPage, FolderPatch, Media, MediaResult, OriginalInfo, OutputImage,
    QualityParams, QualityScores, Thresholds, User, parse,
};
use serde_json::{Map, Value, json, to_value};

/// Names of old attributes anywhere in an answer.
const OLD: &[&str] = &[
    "analyse_id",
    "image_id",
    "video_id",
    "shots_set_id",
    "source_image_id",
    "source_video_id",
    "source_shots_set_id",
    "session_id",
    "expire_date",
    "is_admin",
    "is_service",
    "can_start_analyse_quality",
    "can_start_analyse_biometry",
    "can_start_analyse_collection",
    "can_start_analyse_documents",
    "resolution_suggest",
];

fn id(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 + n)
}

fn user() -> User {
    User {
        user_id: UserId::from_uuid(id(1)),
        user_type: Role::ClientService,
        first_name: "A".into(),
        last_name: "B".into(),
        middle_name: String::new(),
        email: "svc@example.com".into(),
        company_id: Some(CompanyId::from_uuid(id(0xc0))),
        is_active: true,
        can_start_analysis_quality: true,
        can_start_analysis_biometry: false,
        can_start_analysis_collection: true,
        can_start_analysis_documents: true,
        old: None,
        meta_data: Map::new(),
        technical_meta_data: Map::new(),
    }
}

fn media(n: u128, media_type: &'static str) -> Media {
    Media {
        media_id: MediaId::from_uuid(id(n)),
        image_id: None,
        video_id: None,
        shots_set_id: None,
        media_type,
        folder_id: FolderId::from_uuid(id(2)),
        company_id: Some(CompanyId::from_uuid(id(0xc0))),
        original_name: "video_selfie.mp4".into(),
        original_url: None,
        video_url: Some("https://host/static/2/3.mp4".into()),
        preview_url: None,
        thumb_url: Some("https://host/static/2/3_thumb.jpg".into()),
        tags: vec!["video_selfie".into(), "video_selfie_blank".into()],
        original_info: OriginalInfo {
            md5: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
            size: 1_234_567,
            mime_type: "video/mp4".into(),
            width: 720,
            height: 1280,
            duration: Some(4.2),
        },
        original_local_path: None,
        meta_data: Map::from_iter([("foo".to_owned(), json!("bar"))]),
        technical_meta_data: Map::new(),
        time_created: Millis::new(1_718_700_000_123).as_seconds(),
        time_updated: Millis::new(1_718_700_000_123).as_seconds(),
    }
}

fn analysis() -> Analysis {
    let result = |n, score| MediaResult {
        media_id: MediaId::from_uuid(id(n)),
        source_media_id: MediaId::from_uuid(id(n)),
        source_image_id: None,
        source_video_id: None,
        source_shots_set_id: None,
        results_data: QualityScores { confidence_spoofing: score },
        output_images: vec![OutputImage { kind: "best_shot".into(), original_url: "https://host/static/b.jpg".into() }],
        details: None,
    };
    Analysis {
        analysis_id: AnalysisId::from_uuid(id(5)),
        analyse_id: None,
        group_id: GroupId::from_uuid(id(6)),
        folder_id: FolderId::from_uuid(id(2)),
        company_id: Some(CompanyId::from_uuid(id(0xc0))),
        kind: "QUALITY",
        state: "FINISHED",
        resolution: "SUCCESS",
        resolution_status: "SUCCESS",
        system_resolution: "SUCCESS",
        operator_comment: None,
        error_code: None,
        error_message: None,
        source_media: vec![media(3, "VIDEO_FOLDER"), media(4, "IMAGE_FOLDER"), media(7, "SHOTS_SET_FOLDER")],
        results_media: vec![result(3, 0.25), result(4, 0.125), result(7, 0.5)],
        results_data: Some(QualityScores { confidence_spoofing: 0.25 }),
        thresholds: Thresholds { threshold_spoofing: 0.5 },
        params: QualityParams { extract_best_shot: Some(true), ..QualityParams::default() },
        model_pack: Some("default 1".into()),
        meta_data: Map::new(),
        technical_meta_data: Map::new(),
        time_created: 1_718_700_000.5,
        time_updated: 1_718_700_003.25,
        time_task_send_to_broker: Some(1_718_700_000.5),
        time_task_received: Some(1_718_700_001.0),
        time_task_finished: Some(1_718_700_003.25),
    }
}

fn folder() -> Folder {
    Folder {
        folder_id: FolderId::from_uuid(id(2)),
        company_id: Some(CompanyId::from_uuid(id(0xc0))),
        user_id: Some(UserId::from_uuid(id(1))),
        resolution_status: "FINISHED",
        system_resolution: "SUCCESS",
        operator_status: None,
        resolution_suggest: None,
        operator_comment: None,
        is_cleaned: false,
        media: vec![media(3, "VIDEO_FOLDER")],
        analyses: Some(vec![analysis()]),
        user: Some(user()),
        company: None,
        meta_data: Map::from_iter([("transaction_id".to_owned(), json!("abc-1"))]),
        technical_meta_data: Map::new(),
        time_created: 1_718_700_000.0,
        time_updated: 1_718_700_003.25,
    }
}

fn keys(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            found.push(key.clone());
            keys(value, found);
        }),
        Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn log_in_answers_in_both_generations() {
    let answer = AuthAnswer {
        user: user(),
        access_token: "a.b.c".into(),
        expire_token: Some("secret".to_owned()),
        token_id: TokenId::from_uuid(id(9)),
        session_id: None,
        expire_date: None,
    };
    let expected = json!({
        "user": {
            "user_id": "00000000-0000-7000-8000-000000000001",
            "user_type": "CLIENT_SERVICE",
            "first_name": "A", "last_name": "B", "middle_name": "",
            "email": "svc@example.com",
            "company_id": "00000000-0000-7000-8000-0000000000c0",
            "is_active": true, "is_admin": false, "is_service": true,
            "can_start_analysis_quality": true, "can_start_analyse_quality": true,
            "can_start_analysis_biometry": false, "can_start_analyse_biometry": false,
            "can_start_analysis_collection": true, "can_start_analyse_collection": true,
            "can_start_analysis_documents": true, "can_start_analyse_documents": true,
            "meta_data": {}, "technical_meta_data": {}
        },
        "access_token": "a.b.c",
        "expire_token": "secret",
        "token_id": "00000000-0000-7000-8000-000000000009",
        "session_id": "00000000-0000-7000-8000-000000000009",
        "expire_date": 1767225600.0
    });
    assert_eq!(to_value(answer.with_old_names(Millis::new(1_767_225_600_000))).unwrap(), expected);
}

#[test]
fn a_medium_has_the_id_of_its_kind() {
    let video = to_value(media(3, "VIDEO_FOLDER").with_old_names()).unwrap();
    let expected = json!({
        "media_id": "00000000-0000-7000-8000-000000000003",
        "video_id": "00000000-0000-7000-8000-000000000003",
        "media_type": "VIDEO_FOLDER",
        "folder_id": "00000000-0000-7000-8000-000000000002",
        "company_id": "00000000-0000-7000-8000-0000000000c0",
        "original_name": "video_selfie.mp4",
        "original_url": null,
        "video_url": "https://host/static/2/3.mp4",
        "preview_url": null,
        "thumb_url": "https://host/static/2/3_thumb.jpg",
        "tags": ["video_selfie", "video_selfie_blank"],
        "original_info": {
            "md5": "d41d8cd98f00b204e9800998ecf8427e", "size": 1234567, "mime_type": "video/mp4",
            "width": 720, "height": 1280, "duration": 4.2
        },
        "original_local_path": null,
        "meta_data": {"foo": "bar"}, "technical_meta_data": {},
        "time_created": 1718700000.123, "time_updated": 1718700000.123
    });
    assert_eq!(video, expected);
    for (kind, name) in [("IMAGE_FOLDER", "image_id"), ("SHOTS_SET_FOLDER", "shots_set_id")] {
        let medium = to_value(media(3, kind).with_old_names()).unwrap();
        assert_eq!((&medium[name], medium.get("video_id")), (&medium["media_id"], None), "{kind}");
    }
}

#[test]
fn a_folder_tells_what_pollers_look_for() {
    let answer = to_value(folder().with_old_names()).unwrap();
    let analysis = &answer["analyses"][0];
    for name in ["analysis_id", "analyse_id"] {
        assert_eq!(analysis[name], "00000000-0000-7000-8000-000000000005");
    }
    for (name, expected) in [
        ("type", "QUALITY"),
        ("state", "FINISHED"),
        ("resolution", "SUCCESS"),
        ("resolution_status", "SUCCESS"),
        ("system_resolution", "SUCCESS"),
    ] {
        assert_eq!(analysis[name], expected, "{name}");
    }
    for (at, name) in ["source_video_id", "source_image_id", "source_shots_set_id"].into_iter().enumerate() {
        let result = &analysis["results_media"][at];
        assert_eq!(result[name], analysis["source_media"][at]["media_id"]);
        assert_eq!(result[name], result["source_media_id"]);
        assert_eq!(result["output_images"][0]["original_url"], "https://host/static/b.jpg");
    }
    assert_eq!(analysis["results_media"][0]["results_data"], json!({"confidence_spoofing": 0.25}));
    assert_eq!(answer["resolution_suggest"], Value::Null);
    assert!(answer.get("resolution_suggest").is_some() && answer.get("company").is_none());
}

#[test]
fn without_old_names_there_is_none_anywhere() {
    let mut new = Vec::new();
    keys(&to_value(folder()).unwrap(), &mut new);
    assert_eq!(new.iter().find(|key| OLD.contains(&key.as_str())), None);
    let mut old = Vec::new();
    keys(&to_value(folder().with_old_names()).unwrap(), &mut old);
    for name in OLD.iter().filter(|name| !["session_id", "expire_date"].contains(name)) {
        assert!(old.iter().any(|key| key == name), "{name} is never written");
    }
}

#[test]
fn pages_leave_out_what_was_not_asked_for() {
    let page = FolderPage { items: vec![], total: None, next_cursor: None };
    assert_eq!(to_value(page).unwrap(), json!({"items": []}));
    let page = FolderPage { items: vec![], total: Some(0), next_cursor: Some("x".into()) };
    assert_eq!(to_value(page).unwrap(), json!({"items": [], "total": 0, "next_cursor": "x"}));
}

#[test]
fn a_patch_tells_null_from_absent() {
    use oz_domain::Resolution::Declined;
    let read = |text: &str| parse::<FolderPatch>(text.as_bytes()).unwrap();
    assert_eq!(read("{}").operator_status, None);
    assert_eq!(read(r#"{"operator_status": null}"#).operator_status, Some(None));
    assert_eq!(read(r#"{"operator_status": "declined"}"#).operator_status, Some(Some(Declined)));
    assert_eq!(read(r#"{"resolution_suggest": "DECLINED"}"#).resolution_suggest, Some(Some(Declined)));
    let error = parse::<FolderPatch>(br#"{"operator_status": "FINE"}"#).unwrap_err();
    assert_eq!(error.message, "operator_status: `FINE` came, expected one of SUCCESS, OPERATOR_REQUIRED, DECLINED");
}
