//! Section `[reports]`: which reports are written by themselves, how they look, how long they are kept, and who gets them.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use lettre::message::Mailbox;
use serde::Deserialize;
use toml::Spanned;

use crate::components::report::wording::TITLE;
use crate::model::report::{Period, Schedule, Section as ReportSection};
use crate::server::history::error::QuestionError;
use crate::server::reports::calendar::Calendar;
use crate::server::reports::schedule;

/// The largest logo, bytes.
const MOST_LOGO_BYTES: u64 = 1 << 20;
const DEFAULT_KEEP_DAYS: u32 = 1_100;

/// Section `[reports]` of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Whether reports are written. Default `true`.
    enabled: Option<bool>,
    /// The heading of reports that have none of their own. Default `Traffic report`.
    title: Option<Spanned<String>>,
    /// A PNG or JPEG file of at most 1 MiB that stands above each report. Default: none.
    logo: Option<Spanned<PathBuf>>,
    /// IANA name of the time zone of schedules that name none. Default: the system's, or `UTC`.
    time_zone: Option<Spanned<String>>,
    /// `A4` or `letter`. Default `A4`.
    page: Option<Paper>,
    /// Days that reports are kept, at least 1. Default 1,100.
    keep_days: Option<NonZeroU32>,
    /// When reports are written by themselves. Default: each month, as `monthly`.
    schedules: Option<Vec<Spanned<ScheduleSection>>>,
    /// The server that sends e-mail. Default: none, nothing is sent.
    smtp: Option<Spanned<SmtpSection>>,
}

/// A schedule of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScheduleSection {
    /// Lower-case letters, digits and `-`.
    name: String,
    /// `month`, `week` or `day`.
    period: Period,
    /// Minute, hour, day, month, weekday, in the zone. Default: at 03:00 after the period's end.
    cron: Option<String>,
    /// IANA name. Default `reports.time_zone`.
    zone: Option<String>,
    /// Default `reports.title`.
    title: Option<String>,
    /// Which flows, in the filter language. Default: all.
    filter: Option<String>,
    /// What the reports have. Default: everything.
    sections: Option<Vec<ReportSection>>,
    /// Addresses that get the PDF. Default: none.
    email: Option<Vec<String>>,
    /// URL that a report is announced to. Default: none.
    webhook: Option<String>,
}

/// Section `[reports.smtp]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SmtpSection {
    /// Its name or address.
    server: String,
    /// Default 465 with `tls`, 587 with `starttls`, 25 with `none`.
    port: Option<u16>,
    /// `tls` (from the first byte on), `starttls` or `none`. Default `tls`.
    security: Option<Security>,
    /// Who sends, for servers that ask. Default: nobody.
    user: Option<String>,
    /// File with the password on its first line.
    password_file: Option<PathBuf>,
    /// Address that e-mail comes from, such as `Meridian <meridian@example.org>`.
    from: String,
}

/// The size of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
pub enum Paper {
    /// 210 × 297 mm.
    #[default]
    #[value(name = "A4", alias = "a4")]
    A4,
    /// 8½ × 11 in.
    #[serde(rename = "letter")]
    #[value(alias = "Letter")]
    Letter,
}

impl Paper {
    /// Width and height in points (1/72 in).
    pub const fn points(self) -> (f32, f32) {
        match self {
            Self::A4 => (595.28, 841.89),
            Self::Letter => (612.0, 792.0),
        }
    }
}

/// How a connection to a mail server is kept from others' eyes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// By TLS from the first byte on.
    #[default]
    Tls,
    /// By TLS from STARTTLS on, which is required.
    Starttls,
    /// Not at all.
    None,
}

/// How reports are written.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportSettings {
    /// Whether they are.
    pub is_enabled: bool,
    /// The heading of reports that have none of their own.
    pub title: String,
    /// What stands above each report.
    pub logo: Option<Logo>,
    /// IANA name of the zone that is offered first.
    pub zone: String,
    /// The size of a page.
    pub page: Paper,
    /// Days that reports are kept.
    pub keep_days: u32,
    /// When reports are written by themselves.
    pub schedules: Vec<Schedule>,
    /// The server that sends e-mail.
    pub smtp: Option<Smtp>,
}

/// A picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// Its file.
    pub path: PathBuf,
    /// `image/png` or `image/jpeg`.
    pub media_type: &'static str,
    /// All of the file.
    pub bytes: Arc<[u8]>,
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Logo")
            .field("path", &self.path)
            .field("media_type", &self.media_type)
            .finish_non_exhaustive()
    }
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// Its name or address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// Who sends, and the file with the password on its first line.
    pub user: Option<(String, PathBuf)>,
    /// Whom e-mail comes from.
    pub from: Mailbox,
}

/// Where in the file something is wrong, and what to write instead.
type Fault = (Range<usize>, String);

impl Default for ReportSettings {
    fn default() -> Self {
        let zone = schedule::zone_of_system();
        Self {
            is_enabled: true,
            title: TITLE.to_owned(),
            logo: None,
            schedules: vec![schedule::built_in(&zone)],
            zone,
            page: Paper::default(),
            keep_days: DEFAULT_KEEP_DAYS,
            smtp: None,
        }
    }
}

impl Section {
    /// What the file says, checked; the error says where and what to write instead.
    pub(super) fn settings(&self) -> Result<ReportSettings, Fault> {
        let mut settings = ReportSettings {
            is_enabled: self.enabled.unwrap_or(true),
            page: self.page.unwrap_or_default(),
            keep_days: self.keep_days.map_or(DEFAULT_KEEP_DAYS, NonZeroU32::get),
            ..ReportSettings::default()
        };
        if let Some(title) = &self.title {
            settings.title = schedule::title(title.get_ref()).map_err(at(title))?;
        }
        if let Some(logo) = &self.logo {
            let read = Logo::read(logo.get_ref()).map_err(|text| (logo.span(), text))?;
            settings.logo = Some(read);
        }
        if let Some(zone) = &self.time_zone {
            let calendar = Calendar::of(zone.get_ref()).map_err(|text| (zone.span(), text))?;
            calendar.name().clone_into(&mut settings.zone);
            settings.schedules = vec![schedule::built_in(&settings.zone)];
        }
        if let Some(smtp) = &self.smtp {
            let checked = smtp.get_ref().checked().map_err(|text| (smtp.span(), text))?;
            settings.smtp = Some(checked);
        }
        if let Some(sections) = &self.schedules {
            settings.schedules.clear();
            for section in sections {
                let said = section.get_ref().schedule(&settings.zone);
                let schedule = schedule::checked(said, settings.smtp.is_some()).map_err(at(section))?;
                if settings.schedules.iter().any(|other| other.name == schedule.name) {
                    let text =
                        format!("there are two schedules “{}”: give each a name of its own", schedule.name);
                    return Err((section.span(), text));
                }
                settings.schedules.push(schedule);
            }
        }
        Ok(settings)
    }
}

fn at<T>(place: &Spanned<T>) -> impl Fn(QuestionError) -> Fault {
    let span = place.span();
    move |error| {
        let text = match error {
            QuestionError::Filter(fault) => {
                format!("filter: {} (at character {})", fault.message, u64::from(fault.position) + 1)
            }
            error => error.to_string(),
        };
        (span.clone(), text)
    }
}

impl ScheduleSection {
    fn schedule(&self, zone: &str) -> Schedule {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Schedule {
            name: self.name.clone(),
            period: self.period,
            cron: text(&self.cron),
            zone: self.zone.clone().unwrap_or_else(|| zone.to_owned()),
            title: text(&self.title),
            filter: text(&self.filter),
            sections: self.sections.clone().unwrap_or_default(),
            email: self.email.clone().unwrap_or_default(),
            webhook: text(&self.webhook),
        }
    }
}

impl SmtpSection {
    fn checked(&self) -> Result<Smtp, String> {
        let server = self.server.trim();
        if server.is_empty() || server.contains([' ', '/', '@']) {
            return Err(
                "the mail server is missing: write its name, like server = \"mail.example.org\"".to_owned()
            );
        }
        let from = self.from.parse::<Mailbox>().map_err(|_| {
            format!(
                "\"{}\" cannot send: write an address, like from = \"Meridian <meridian@example.org>\"",
                self.from
            )
        })?;
        let security = self.security.unwrap_or_default();
        let usual_port = match security {
            Security::Tls => 465,
            Security::Starttls => 587,
            Security::None => 25,
        };
        let user = match (&self.user, &self.password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => {
                password(file)?;
                Some((user.clone(), file.clone()))
            }
            _ => return Err("write both user and password_file, or none of them".to_owned()),
        };
        if user.is_some() && security == Security::None {
            return Err(
                "a password would cross the network unprotected: write security = \"tls\" or \"starttls\""
                    .to_owned(),
            );
        }
        Ok(Smtp { server: server.to_owned(), port: self.port.unwrap_or(usual_port), security, user, from })
    }
}

/// The first line of a file with a password.
pub fn password(file: &Path) -> Result<String, String> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("the password_file {} cannot be read ({error})", file.display()))?;
    let password = text.lines().next().unwrap_or_default().trim_end_matches('\r');
    if password.is_empty() {
        return Err(format!(
            "the password_file {} is empty: write the password on its first line",
            file.display()
        ));
    }
    Ok(password.to_owned())
}

impl Logo {
    fn read(path: &Path) -> Result<Self, String> {
        let unreadable = |error| format!("the logo {} cannot be read ({error})", path.display());
        let file = fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(MOST_LOGO_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MOST_LOGO_BYTES {
            return Err(format!("the logo {} is larger than 1 MiB: name a smaller file", path.display()));
        }
        let media_type = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            "image/jpeg"
        } else {
            return Err(format!("the logo {} is neither PNG nor JPEG: name such a file", path.display()));
        };
        Ok(Self { path: path.to_owned(), media_type, bytes: bytes.into() })
    }
}

impl ReportSettings {
    /// For people, a line each.
    pub fn summary(&self) -> Vec<(&'static str, String)> {
        if !self.is_enabled {
            return vec![("reports", "off: none are written".to_owned())];
        }
        let page = if self.page == Paper::A4 { "A4" } else { "letter" };
        let mut lines = vec![(
            "reports",
            format!("“{}”, on {page}, kept {} days, {} time", self.title, self.keep_days, self.zone),
        )];
        lines.extend(
            self.logo.iter().map(|logo| ("logo", format!("{} ({})", logo.path.display(), logo.media_type))),
        );
        if self.schedules.is_empty() {
            lines.push(("report schedules", "none".to_owned()));
        }
        for schedule in &self.schedules {
            let to = schedule.email.iter().map(String::as_str);
            let to: Vec<&str> = to.chain((!schedule.webhook.is_empty()).then_some("a webhook")).collect();
            let sent = if to.is_empty() { String::new() } else { format!(", to {}", to.join(", ")) };
            let Schedule { name, period, cron, zone, .. } = schedule;
            lines.push((
                "report schedule",
                format!("{name}: each {}, at \"{cron}\" in {zone}{sent}", period.name()),
            ));
        }
        lines.extend(self.smtp.iter().map(|smtp| {
            let security = match smtp.security {
                Security::Tls => "TLS",
                Security::Starttls => "STARTTLS",
                Security::None => "not encrypted",
            };
            ("e-mail through", format!("{}:{} ({security}), from {}", smtp.server, smtp.port, smtp.from))
        }));
        lines
    }
}

#[cfg(test)]
mod tests;
