//! Where it looks as if flows were counted twice, and what would count them once.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::quantity;

/// How a flow came to be reported again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Repetition {
    /// Another exporter reported it, too.
    ByAnotherExporter,
    /// The same exporter reported it where packets come in and where they go out (61).
    InBothDirections,
    /// The same exporter reported it on other interfaces or in another observation domain.
    ElsewhereOnTheExporter,
}

/// What was seen of two exporters, or of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Whose flows were also reported elsewhere.
    #[schema(value_type = String)]
    pub exporter: IpAddr,
    /// Who reported them, too; the same for what one exporter says twice.
    #[schema(value_type = String)]
    pub other: IpAddr,
    /// How.
    pub repetition: Repetition,
    /// Flows of `exporter` that were looked at, a sample of all.
    pub looked_at: u64,
    /// Of these, reported again within a minute with the same packets and bytes.
    pub repeated: u64,
}

impl Finding {
    /// Share of the flows looked at that were reported again, in whole percent.
    pub fn percent(&self) -> u64 {
        (self.repeated.min(self.looked_at) * 100 + self.looked_at / 2)
            .checked_div(self.looked_at)
            .unwrap_or(0)
    }

    /// What was found, for people.
    pub fn sentence(&self) -> String {
        let Self { exporter, other, .. } = self;
        let again = match self.repetition {
            Repetition::ByAnotherExporter => format!("were also reported by {other}"),
            Repetition::InBothDirections => {
                "were reported both where packets come in and where they go out".to_owned()
            }
            Repetition::ElsewhereOnTheExporter => {
                "were reported again by it, for other interfaces or another observation domain".to_owned()
            }
        };
        format!(
            "{} % of the flows of {exporter} that were looked at ({} of {}) {again}: they are counted twice.",
            self.percent(),
            quantity::count(self.repeated.min(self.looked_at)),
            quantity::count(self.looked_at)
        )
    }
}

/// Findings that one rule would settle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DoubleCounting {
    /// What was seen, the largest share first.
    pub findings: Vec<Finding>,
    /// The rule for `meridian.toml`, where there is one.
    pub rule: Option<String>,
    /// Name of the rule in `meridian.toml` that it would take the place of.
    pub replaces: Option<String>,
}

impl DoubleCounting {
    /// The exporters of the first finding.
    pub fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        self.findings.first().map(|finding| (finding.exporter, finding.other))
    }

    /// What was found and what to do about it, for people; the rule follows.
    pub fn sentence(&self) -> String {
        let found = self.findings.first().map(Finding::sentence).unwrap_or_default();
        let more = match self.findings.len() {
            0 | 1 => String::new(),
            2 => " So are flows of one more pair of exporters.".to_owned(),
            number => format!(" So are flows of {} more pairs of exporters.", number - 1),
        };
        let what_to_do = match (&self.rule, &self.replaces) {
            (Some(_), Some(name)) => {
                format!("To count them once, replace the rule \"{name}\" in meridian.toml by:")
            }
            (Some(_), None) => "To count them once, add to meridian.toml:".to_owned(),
            (None, _) => "Let it export at one of them only.".to_owned(),
        };
        format!("{found}{more} {what_to_do}")
    }
}
