//! Companies (`oz-api.md` 5), and how their webhooks are signed and where they may go (decision 19).

use super::{page_of, view, with};
use crate::accounts::companies as rules;
use crate::app::{App, to_the_end};
use crate::auth::{Access, user};
use crate::error::{Error, Result};
use crate::hand::Hand;
use oz_domain::{Action, CompanyId, Object};
use oz_http::{ApiError, Response, Route, any_of, endpoint, json, json_reply, query, reply_status};
use oz_store::AnyConn;
use oz_store::companies::{self, Company, Left};
use oz_wire::{Code, CompanyBody, CompanyPage, ListQuery, WebhookSecret, WebhookSettings, WebhookSettingsBody};
use warp::Filter;
use warp::http::StatusCode;
use warp::path::{end, param, path};
use zeroize::Zeroizing;

#[rustfmt::skip]
pub(super) fn routes(app: &App) -> Route {
    let id = param::<CompanyId>;
    let may = |action| user(app, Object::Company, action);
    let webhook = || id().and(path("webhook"));
    any_of([
        endpoint("POST /api/companies", end().and(warp::post()).and(may(Action::Create)).and(json()).and(with(app)).then(create)),
        endpoint("GET /api/companies", end().and(warp::get()).and(may(Action::Read)).and(query()).and(with(app)).then(list)),
        endpoint("GET /api/companies/{company_id}", id().and(end()).and(warp::get()).and(may(Action::Read)).and(with(app)).then(read)),
        endpoint("PATCH /api/companies/{company_id}", id().and(end()).and(warp::patch()).and(may(Action::Read)).and(json()).and(with(app)).then(change)),
        endpoint("DELETE /api/companies/{company_id}", id().and(end()).and(warp::delete()).and(may(Action::Delete)).and(with(app)).then(remove)),
        endpoint("GET /api/companies/{company_id}/webhook", webhook().and(end()).and(warp::get()).and(may(Action::WebhookSettings)).and(with(app)).then(webhook_settings)),
        endpoint("PATCH /api/companies/{company_id}/webhook", webhook().and(end()).and(warp::patch()).and(may(Action::WebhookSettings)).and(json()).and(with(app)).then(set_webhook)),
        endpoint("POST /api/companies/{company_id}/webhook/secret", webhook().and(path("secret")).and(end()).and(warp::post()).and(may(Action::WebhookSettings)).and(with(app)).then(new_secret)),
    ])
}

fn show(app: &App, access: &Access, company: &Company, left: Option<Left>) -> oz_wire::Company {
    view(app, access, String::new()).company(company, left)
}

async fn create(access: Access, body: CompanyBody, app: App) -> Result<Response> {
    let made = app.write_as(&access, move |conn, hand| rules::create(conn, hand, &body)).await?;
    Ok(reply_status(StatusCode::CREATED, &show(&app, &access, &made, None)))
}

async fn list(access: Access, pairs: Vec<(String, String)>, app: App) -> Result<Response> {
    let query = ListQuery::read(pairs)?;
    let (viewer, page, search) = (access.viewer, page_of(&query)?, query.text("search_text"));
    let found = app.db.read(move |conn| companies::list(conn, viewer, search.as_deref(), &page)).await?;
    Ok(json_reply(&CompanyPage {
        items: found.items.iter().map(|company| show(&app, &access, company, None)).collect(),
        total: found.total,
        next_cursor: found.next.map(|cursor| cursor.to_string()),
    }))
}

async fn read(id: CompanyId, access: Access, app: App) -> Result<Response> {
    let viewer = access.viewer;
    let (company, left) = app
        .db
        .read(move |conn| {
            let company = companies::get(conn, viewer, id)?;
            let left = if company.in_deletion { Some(companies::left(conn, id)?) } else { None };
            Ok::<_, oz_store::Error>((company, left))
        })
        .await?;
    Ok(json_reply(&show(&app, &access, &company, left)))
}

async fn change(id: CompanyId, access: Access, body: CompanyBody, app: App) -> Result<Response> {
    let changed = app.write_as(&access, move |conn, hand| rules::change(conn, hand, id, &body)).await?;
    Ok(json_reply(&show(&app, &access, &changed, None)))
}

/// 202: its users are shut out at once, what it has is removed by a job. [`read`] shows how far it got, then 404.
async fn remove(id: CompanyId, access: Access, app: App) -> Result<Response> {
    let (ours, who) = (app.clone(), access.clone());
    let (company, left) = to_the_end(async move {
        let close = move |conn: &mut AnyConn, hand: &Hand| {
            let (company, ended) = rules::close(conn, hand, id)?;
            Ok::<_, Error>((company, ended, companies::left(conn, id)?))
        };
        let (company, ended, left) = ours.write_as(&who, close).await?;
        ours.auth.forget(&ended);
        ours.jobs_added();
        Ok((company, left))
    })
    .await?;
    Ok(reply_status(StatusCode::ACCEPTED, &show(&app, &access, &company, Some(left))))
}

async fn webhook_settings(id: CompanyId, access: Access, app: App) -> Result<Response> {
    let viewer = access.viewer;
    let company = app.db.read(move |conn| companies::get(conn, viewer, id)).await?;
    Ok(json_reply(&settings_of(company)))
}

fn settings_of(company: Company) -> WebhookSettings {
    WebhookSettings { hosts: company.webhook_hosts, secret_set: company.webhook_secret.is_some() }
}

async fn set_webhook(id: CompanyId, access: Access, body: WebhookSettingsBody, app: App) -> Result<Response> {
    let changed = app.write_as(&access, move |conn, hand| rules::set_hosts(conn, hand, id, &body.hosts)).await?;
    Ok(json_reply(&settings_of(changed)))
}

async fn new_secret(id: CompanyId, access: Access, app: App) -> Result<Response> {
    let mut secret = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *secret).map_err(|e| ApiError::internal(Code::Unknown, e))?;
    let written = rules::written(&*secret);
    app.write_as(&access, move |conn, hand| rules::set_secret(conn, hand, id, &*secret)).await?;
    Ok(reply_status(StatusCode::CREATED, &WebhookSecret { secret: (*written).clone() }))
}
