//! From the analyses that a client asks for to the rows and jobs that do them.

use crate::audit::Deed;
use crate::auth::Access;
use crate::error::{Error, Result};
use crate::hand::Hand;
use crate::license::{Desk, Uses, feature};
use crate::view::THRESHOLD_SPOOFING;
use crate::work::AnalyseMedia;
use oz_domain::{Action, AnalysisId, AnalysisKind, AnalysisState, GroupId, MediaId, Millis, Object, is_document};
use oz_store::AnyConn;
use oz_store::analyses::{self, Analysis, AnalysisWithMedia};
use oz_store::folders::Folder;
use oz_store::media::MediaWithFiles;
use oz_wire::{AnalysisRequest, Code};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Most analyses of one call.
const ANALYSES: usize = 100;

/// What analyses are planned on: the folder, and its media with the names of the parts they came in.
pub(crate) struct Ground<'a> {
    pub(crate) access: &'a Access,
    pub(crate) folder: &'a Folder,
    /// Name of the part of the same form (empty for media that were there before) and row.
    pub(crate) media: &'a [(String, MediaWithFiles)],
    pub(crate) now: Millis,
}

impl Ground<'_> {
    /// The rows of the analyses that were asked for; they share a group.
    pub(crate) fn plan(&self, wanted: &[AnalysisRequest]) -> Result<Vec<AnalysisWithMedia>> {
        if wanted.is_empty() || wanted.len() > ANALYSES {
            return Err(Error::value("analyses", &format!("{} analyses", wanted.len()), "1 to 100"));
        }
        let group = GroupId::new(self.now);
        let names =
            |(part, m): &(String, MediaWithFiles)| [(part.clone(), m.media.id), (m.media.id.to_string(), m.media.id)];
        let by_name: HashMap<String, MediaId> = self.media.iter().flat_map(names).collect();
        wanted.iter().enumerate().map(|(at, request)| self.one(at, request, group, &by_name)).collect()
    }

    fn one(
        &self,
        at: usize,
        request: &AnalysisRequest,
        group: GroupId,
        by_name: &HashMap<String, MediaId>,
    ) -> Result<AnalysisWithMedia> {
        let field = |name: &str| format!("analyses[{at}].{name}");
        if request.kind != AnalysisKind::Quality {
            return Err(Error::new(Code::NotRealized, format!("{}: {} is not built yet", field("type"), request.kind)));
        }
        let user = &self.access.caller.user;
        if !user.role.is_system() && !user.can_start(request.kind) {
            return Err(Error::new(Code::AuthForbidden, format!("this user may not start {}", request.kind)));
        }
        let params = request.params.clone().unwrap_or_default();
        let threshold = params.threshold_spoofing.unwrap_or(THRESHOLD_SPOOFING);
        if !(0.0..=1.0).contains(&threshold) {
            return Err(Error::value(
                &field("params.threshold_spoofing"),
                &threshold.to_string(),
                "a number from 0 to 1",
            ));
        }
        let source_media = match &request.source_media {
            Some(names) => named(names, by_name, &field("source_media"))?,
            // All that fit: QUALITY leaves photos of documents out (`oz-api.md` 13.1).
            None => self.media.iter().filter(|(_, m)| !is_document(&m.media.tags)).map(|(_, m)| m.media.id).collect(),
        };
        let (folder, now) = (self.folder, self.now);
        let analysis = Analysis {
            id: AnalysisId::new(now),
            folder_id: folder.id,
            company_id: folder.company_id,
            group_id: group,
            kind: request.kind,
            state: AnalysisState::Processing,
            resolution: None,
            operator_resolution: None,
            operator_comment: None,
            params: serde_json::to_value(&params).unwrap_or_default(),
            thresholds: json!({"threshold_spoofing": threshold}),
            results_media: json!([]),
            results_data: None,
            error_code: None,
            error_message: None,
            model_pack: None,
            attempts: 0,
            meta_data: request.meta_data.clone().map_or_else(|| json!({}), Value::Object),
            technical_meta_data: json!({}),
            time_created: now,
            time_updated: now,
            time_task_send_to_broker: now,
            time_task_received: None,
            time_task_finished: None,
        };
        Ok(AnalysisWithMedia { analysis, source_media, images: vec![] })
    }
}

/// The media that a client names, each once, in its order.
fn named(names: &[String], by_name: &HashMap<String, MediaId>, field: &str) -> Result<Vec<MediaId>> {
    let mut found = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let id = by_name.get(name).filter(|_| !name.is_empty());
        let id = *id.ok_or_else(|| Error::value(&format!("{field}[{at}]"), name, "a medium of this folder"))?;
        if !found.contains(&id) {
            found.push(id);
        }
    }
    Ok(found)
}

/// Asks the license, and stores the analyses, a job and an audit record for each, in the caller's transaction.
pub(crate) fn enqueue(
    conn: &mut AnyConn,
    hand: &Hand,
    desk: &Desk,
    planned: &[AnalysisWithMedia],
    attempts: i32,
) -> Result<()> {
    let mut uses = Uses::new();
    for one in planned {
        *uses.entry(feature(one.analysis.kind)).or_default() += 1;
    }
    desk.accept(conn, &uses, hand.now)?;
    analyses::insert(conn, planned)?;
    for one in planned {
        let job = AnalyseMedia::job(one.analysis.id, attempts, hand.by.request, hand.now)?;
        oz_jobs::enqueue(conn, &job, hand.now)?;
        let row = &one.analysis;
        let deed = Deed::new(Object::Analysis, Action::Start, row.id, row.company_id).about(row.folder_id);
        let after = json!({"folder_id": row.folder_id, "type": row.kind.as_str(), "source_media": one.source_media});
        hand.note(conn, deed.to(after))?;
    }
    Ok(())
}
