//! The job that empties a closed company: folders with their files, then users and keys, then the company itself.

use super::LIGHT;
use crate::app::App;
use crate::audit::{self, By, Deed};
use oz_domain::{Action, CompanyId, Millis, Object, RequestId};
use oz_jobs::{Context, Effect, Failure, Job, NewJob};
use oz_store::{AnyConn, Viewer, companies, folders};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

/// Folders of one attempt. It is committed folder by folder: what was removed stays removed whatever happens.
const FOLDERS: i64 = 200;

/// Removes all a company has.
pub(crate) struct DeleteCompany {
    app: App,
}

/// What the job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payload {
    company_id: CompanyId,
}

impl DeleteCompany {
    pub(crate) fn of(app: &App) -> Self {
        Self { app: app.clone() }
    }

    /// The job for a company.
    pub(crate) fn job(company_id: CompanyId, request: Option<RequestId>, now: Millis) -> oz_jobs::Result<NewJob> {
        Ok(NewJob::of::<Self>(&Payload { company_id }, now)?.once(company_id).asked_by(request))
    }
}

impl Job for DeleteCompany {
    const KIND: &'static str = "delete_company";
    const LANE: &'static str = LIGHT;
    // The company cannot be used any more: giving up would leave its faces for ever. With the longest wait between two
    // attempts this goes on for weeks.
    const MAX_ATTEMPTS: i32 = 1000;
    type Payload = Payload;

    async fn run(&self, _context: Context, payload: Payload) -> Result<Effect, Failure> {
        let id = payload.company_id;
        let again = |error: oz_store::Error| Failure::Retry(error.to_string());
        let next = self.app.db.read(move |conn| companies::next_folders(conn, id, FOLDERS)).await.map_err(again)?;
        for folder in &next {
            let folder = *folder;
            let gone = self.app.db.write(move |conn| folders::delete(conn, Viewer::All, folder)).await;
            match gone {
                // What could not be removed is found by the sweeper.
                Ok(dead) => drop(self.app.remove_files(dead).await),
                // Another attempt, or somebody's own deletion, was first.
                Err(oz_store::Error::NotFound) => {}
                Err(error) => return Err(again(error)),
            }
        }
        if !next.is_empty() {
            return Err(Failure::Later(Duration::ZERO));
        }
        let (app, keys, now) = (self.app.clone(), self.app.blobs.keys().clone(), self.app.now());
        let finish = move |conn: &mut AnyConn| match companies::finish(conn, id) {
            // Done by an attempt whose lease had run out.
            Err(oz_store::Error::NotFound) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                let deed = Deed::new(Object::Company, Action::Delete, id, companies::SYSTEM);
                audit::note(conn, &keys, By::SYSTEM, now, deed.to(json!({"emptied": true})))
            }
        };
        Ok(Effect::new(finish).then(move || drop(tokio::spawn(async move { app.scrub().await }))))
    }
}
