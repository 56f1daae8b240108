//! The job behind a forgotten password: make a link, mail it (decision 12).
//!
//! The payload holds no address and no token. Each attempt makes a new link, stored before the mail leaves: a mail that
//! arrived is never of a link that nobody knows, and of two that arrived the later one counts.

use super::LIGHT;
use crate::app::App;
use crate::auth::token;
use oz_domain::{Millis, RequestId, UserId};
use oz_jobs::{Context, Effect, Failure, Job, NewJob};
use oz_store::passwords::{self, Reset};
use oz_store::{Viewer, users};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a link is good (decision 12).
const LIFE: Duration = Duration::from_secs(30 * 60);

/// Mails a link that sets a new password.
pub(crate) struct RestoreMail {
    app: App,
}

/// What the job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payload {
    /// None: nobody has the address that was given. The job is made all the same, so that asking takes the same time.
    user_id: Option<UserId>,
}

impl RestoreMail {
    pub(crate) fn of(app: &App) -> Self {
        Self { app: app.clone() }
    }

    /// The job for a user who was found, or not.
    pub(crate) fn job(user_id: Option<UserId>, request: RequestId, now: Millis) -> oz_jobs::Result<NewJob> {
        Ok(NewJob::of::<Self>(&Payload { user_id }, now)?.asked_by(Some(request)))
    }
}

impl Job for RestoreMail {
    const KIND: &'static str = "restore_mail";
    const LANE: &'static str = LIGHT;
    const LONGEST: Duration = Duration::from_secs(60);
    type Payload = Payload;

    async fn run(&self, _: Context, payload: Payload) -> Result<Effect, Failure> {
        let Some(id) = payload.user_id else { return Ok(Effect::none()) };
        let app = &self.app;
        let mailer = app.mailer.as_ref().ok_or_else(|| Failure::Fatal("mail is not set up here".to_owned()))?;
        let secret = token::new_secret().map_err(|e| Failure::Retry(e.to_string()))?;
        let (token_hash, now) = (token::secret_hash(&secret), app.now());
        let found = app.db.write(move |conn| {
            let user = users::get(conn, Viewer::All, id)?;
            let (token_hash, time_expires) = (token_hash.clone(), now.plus(LIFE));
            passwords::offer(conn, &Reset { token_hash, user_id: id, time_created: now, time_expires })?;
            Ok::<_, oz_store::Error>(user)
        });
        let user = match found.await {
            // Deleted meanwhile.
            Err(oz_store::Error::NotFound) => return Ok(Effect::none()),
            other => other.map_err(|e| Failure::Retry(e.to_string()))?,
        };
        mailer.restore(&user.email, &secret).await?;
        Ok(Effect::none())
    }
}
