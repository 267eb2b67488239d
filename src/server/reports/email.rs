//! A report by e-mail: its summary as text, the PDF attached.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, Message, SmtpTransport, Transport as _};

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

/// One line, whatever the title has.
fn subject(report: &Report) -> String {
    let line = format!("{}: {}", report.question.title, report.period);
    line.split(|letter: char| letter.is_whitespace() || letter.is_control()).collect::<Vec<_>>().join(" ")
}

fn text(id: &str, report: &Report) -> String {
    let mut lines = vec![subject(report), String::new()];
    lines.extend(report.summary.iter().cloned());
    if !report.question.filter.is_empty() {
        lines.extend([String::new(), format!("Only flows with: {}", report.question.filter)]);
    }
    lines.extend([
        String::new(),
        format!("All of it is in the attached PDF, and at /reports/{id} of this Meridian."),
        String::new(),
    ]);
    lines.join("\n")
}
