//! A report is announced to a webhook: what it is of, its summary, and where it is.

use std::time::Duration;

use serde::Serialize;

use crate::components::report::wording;
use crate::model::report::Report;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What is sent, as JSON.
#[derive(Debug, Serialize)]
struct Announcement<'a> {
    event: &'static str,
    id: &'a str,
    title: &'a str,
    period: &'a str,
    from_ms: i64,
    to_ms: i64,
    summary: &'a [String],
    path: String,
}

/// Announces a report; it is taken when the answer is 2xx. Nothing is followed, no proxy is asked. Blocks.
pub(super) fn announce(url: &str, id: &str, report: &Report) -> Result<(), String> {
    let title = wording::title(report);
    let announcement = Announcement {
        event: "report.made",
        id,
        title: &title,
        period: &report.period,
        from_ms: report.question.range.from_ms,
        to_ms: report.question.range.to_ms,
        summary: &report.summary,
        path: format!("/reports/{id}"),
    };
    let json = serde_json::to_string(&announcement).map_err(|error| error.to_string())?;
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .proxy(None)
        .user_agent(concat!("Meridian/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    let answer = agent.post(url).header("content-type", "application/json").send(&json);
    let status = answer.map_err(|error| error.to_string())?.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}
