//! A report by e-mail: its summary as text, the PDF attached.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, Message, SmtpTransport, Transport as _};

use crate::components::report::wording;
use crate::model::plain_text::plain;
use crate::model::report::Report;
use crate::server::config::reports::{Security, Smtp, password};

/// How long the server may take for an answer: one that looks into attachments answers late (RFC 5321 §4.5.3.2).
const TIMEOUT: Duration = Duration::from_mins(5);

/// Sends a report to one address; the error says what the server said. Blocks.
pub(super) fn send(
    smtp: &Smtp,
    to: &str,
    id: &str,
    report: &Report,
    pdf: Vec<u8>,
    now_ms: i64,
) -> Result<(), String> {
    let message = message(&smtp.from, to, id, report, pdf, now_ms)?;
    transport(smtp)?.send(&message).map(drop).map_err(|error| {
        let source = error.source().map(|source| format!(": {source}"));
        format!(
            "{error}{}",
            source.filter(|source| !error.to_string().contains(source.as_str())).unwrap_or_default()
        )
    })
}

fn transport(smtp: &Smtp) -> Result<SmtpTransport, String> {
    let tls = || TlsParameters::new(smtp.server.clone()).map_err(|error| error.to_string());
    let tls = match smtp.security {
        Security::Tls => Tls::Wrapper(tls()?),
        Security::Starttls => Tls::Required(tls()?),
        Security::None => Tls::None,
    };
    let mut transport =
        SmtpTransport::builder_dangerous(&smtp.server).port(smtp.port).tls(tls).timeout(Some(TIMEOUT));
    if let Some((user, file)) = &smtp.user {
        transport = transport.credentials(Credentials::new(user.clone(), password(file)?));
    }
    Ok(transport.build())
}

fn message(
    from: &Mailbox,
    to: &str,
    id: &str,
    report: &Report,
    pdf: Vec<u8>,
    now_ms: i64,
) -> Result<Message, String> {
    let address: Address = to.parse().map_err(|_| format!("{to} is no address of e-mail"))?;
    let made = u64::try_from(now_ms).unwrap_or(0);
    let media_type = ContentType::parse("application/pdf").map_err(|error| error.to_string())?;
    let parts = MultiPart::mixed()
        .singlepart(SinglePart::plain(text(id, report)))
        .singlepart(Attachment::new(format!("{id}.pdf")).body(pdf, media_type));
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, address))
        .subject(subject(report))
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(made))
        .message_id(Some(format!("<{id}.{}@{}>", report.made_ms, from.email.domain())))
        .multipart(parts)
        .map_err(|error| error.to_string())
}

/// One line that reads from left to right, whatever the title has.
fn subject(report: &Report) -> String {
    format!("{}: {}", wording::title(report), plain(&report.period))
}

fn text(id: &str, report: &Report) -> String {
    let mut lines = vec![subject(report), String::new()];
    lines.extend(report.summary.iter().map(|sentence| plain(sentence)));
    if !report.question.filter.is_empty() {
        lines.extend([String::new(), format!("Only flows with: {}", plain(&report.question.filter))]);
    }
    lines.extend([
        String::new(),
        format!("All of it is in the attached PDF, and at /reports/{id} of this Meridian."),
        String::new(),
    ]);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::report::sample;

    #[test]
    fn no_title_and_no_filter_turns_the_direction_of_a_line() {
        let mut report = sample::report();
        report.question.title = "Traffic \u{202e}of\r\nBcc: x@example.org \u{2066}1\u{2028}2".to_owned();
        assert_eq!(subject(&report), "Traffic of  Bcc: x@example.org 1 2: October 2026");
        report.question.filter = "outside.city = \"\u{202e}Lyon\"".to_owned();
        report.summary = vec!["Only “\u{202e}Lyon” is counted.".to_owned(), "21 GB passed.".to_owned()];
        let text = text("monthly-2026-10", &report);
        for line in ["Only “Lyon” is counted.", "21 GB passed.", "Only flows with: outside.city = \"Lyon\""]
        {
            assert!(text.lines().any(|shown| shown == line), "{text}");
        }
    }
}
