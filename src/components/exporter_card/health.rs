//! Is an exporter well? One word for the header of its card, and why.

use super::losses;
use crate::model::exporter::Exporter;
use crate::model::quantity;

/// An exporter that sent nothing for so long is called silent: two intervals of the slowest usual templates.
const SILENT_MS: i64 = 20 * 60_000;

/// How grave something is; names its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth knowing.
    #[default]
    Plain,
    /// Worth a look.
    Warn,
    /// Flows are not counted that were sent.
    Bad,
}

impl Tone {
    /// The end of its class names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Plain => "plain",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// What the header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How grave it is.
    pub tone: Tone,
    /// A word or two.
    pub word: String,
    /// A sentence.
    pub why: String,
}

/// The gravest thing to say of an exporter, heard last so many milliseconds ago.
pub fn verdict(exporter: &Exporter, age_ms: i64) -> Verdict {
    let said = |tone, word: &str, why: &str| Verdict { tone, word: word.to_owned(), why: why.to_owned() };
    if age_ms > SILENT_MS {
        let why = format!("Nothing has come from it for {}.", quantity::age(age_ms));
        return said(Tone::Warn, "silent", &why);
    }
    if losses::is_missing(exporter) {
        return said(
            Tone::Bad,
            "losses",
            "Flows that it sent did not all arrive since it was first heard: see below.",
        );
    }
    if !exporter.undecodable.is_empty() || exporter.sets_expired > 0 {
        return said(Tone::Bad, "not all decoded", "Some of what it sent could not be decoded: see below.");
    }
    if exporter.rate_limited_records > 0 || exporter.implausible_records > 0 || exporter.options_not_kept > 0
    {
        return said(Tone::Warn, "not all taken", "Some of what it sent was left out: see below.");
    }
    if exporter.sets_waiting > 0 {
        return said(Tone::Warn, "waiting", "Data wait for the template that tells how to read them.");
    }
    if exporter.traffic.flows == 0 {
        return said(Tone::Plain, "no flows yet", "Nothing that it has sent so far was a flow.");
    }
    said(
        Tone::Good,
        "all well",
        "Everything that it sent since it was first heard has arrived and was decoded.",
    )
}
