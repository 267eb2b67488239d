//! A report as PDF, written without a browser: the content of the page on A4 or Letter.
//!
//! First a report is laid out (`composer`, `table`, `figure`), as marks on sheets and a tree of tags; how many pages
//! there are is known then. `paint` writes that with `krilla`. The PDF has its fonts in it, text that can be
//! selected, an outline, and tags as PDF/UA-1 asks for. The same report makes the same bytes. Names are text, whatever
//! they hold. What it costs grows with the rows of the report only.

mod closing;
mod colours;
mod composer;
mod figure;
mod lists;
mod logo;
mod opening;
mod paint;
mod sections;
mod sheet;
mod table;
mod typeface;
mod words;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use krilla::configure::{Accessibility, Configuration, ConfigurationBuilder};
use krilla::error::KrillaError;
use krilla::image::Image;
use krilla::metadata::{DateTime, Metadata};
use thiserror::Error;

use self::composer::Composer;
use self::sheet::Laid;
use self::typeface::{Typefaces, clean_name};
use crate::components::report::wording;
use crate::model::report::{Report, Section};
use crate::server::config::reports::{Paper, ReportSettings};

/// How a PDF looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The paper.
    pub page: Paper,
    /// A picture above the title, PNG or JPEG. One that cannot be read is left out, with a warning in the log.
    pub logo: Option<Vec<u8>>,
}

impl Look {
    /// As the configuration wants it.
    pub fn of(settings: &ReportSettings) -> Self {
        Self { page: settings.page, logo: settings.logo.as_ref().map(|logo| logo.bytes.to_vec()) }
    }
}

/// Why there is no PDF.
#[derive(Debug, Error)]
pub enum PdfError {
    /// The fonts in this program are damaged.
    #[error("cannot read the fonts of the PDF")]
    Font,
    /// krilla could not write it.
    #[error("cannot write the PDF: {0}")]
    Write(String),
}

/// Writes a report as PDF.
pub fn write(report: &Report, look: &Look) -> Result<Vec<u8>, PdfError> {
    let faces = Typefaces::shared()?;
    let logo = look.logo.as_deref().and_then(logo::read);
    let written = match painted(report, look.page, faces, logo.as_ref()) {
        Err(KrillaError::Image(_, _, why)) => {
            tracing::warn!(why, "the logo is left out: it is damaged");
            painted(report, look.page, faces, None)
        }
        written => written,
    };
    written.map_err(|error| PdfError::Write(format!("{error:?}")))
}

fn painted(
    report: &Report,
    page: Paper,
    faces: &'static Typefaces,
    logo: Option<&Image>,
) -> Result<Vec<u8>, KrillaError> {
    let title = clean_name(&wording::title(report));
    let laid = lay_out(report, faces, &title, page, logo);
    let paint = |configuration| paint::write(&laid, faces, logo, metadata(report, &title), configuration);
    let accessible = ConfigurationBuilder::new().with_accessibility_validator(Accessibility::UA1).finish();
    match paint(accessible.unwrap_or_default()) {
        // A report with a flaw for screen readers is better than none.
        Err(KrillaError::Validation(flaws)) => {
            tracing::warn!(?flaws, "a PDF is written without the mark of PDF/UA");
            paint(Configuration::default())
        }
        written => written,
    }
}

fn lay_out(
    report: &Report,
    faces: &'static Typefaces,
    title: &str,
    page: Paper,
    logo: Option<&Image>,
) -> Laid {
    let mut composer = Composer::new(faces, page);
    if let Some(logo) = logo {
        logo::draw(&mut composer, logo);
    }
    opening::compose(&mut composer, report, title);
    for section in Section::ALL {
        if report.question.sections.contains(&section) {
            sections::compose(&mut composer, report, section);
        }
    }
    closing::compose(&mut composer, report);
    let made = format!("Made by Meridian, {}", clean_name(&report.made_at));
    composer.finish(title, &clean_name(&report.period), &made)
}

fn metadata(report: &Report, title: &str) -> Metadata {
    let metadata = Metadata::new()
        .title(title.to_owned())
        .description(clean_name(&report.period))
        .authors(vec!["Meridian".to_owned()])
        .creator("Meridian".to_owned())
        .language("en".to_owned());
    let Ok(made) = Timestamp::from_millisecond(report.made_ms) else { return metadata };
    let made = made.to_zoned(TimeZone::UTC);
    let part = |part: i8| u8::try_from(part).unwrap_or_default();
    let date = DateTime::new(u16::try_from(made.year()).unwrap_or_default())
        .month(part(made.month()))
        .day(part(made.day()))
        .hour(part(made.hour()))
        .minute(part(made.minute()))
        .second(part(made.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    metadata.creation_date(date)
}
