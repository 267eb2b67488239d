//! What questions measure, and where an answer comes from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::time_range::TimeRange;
use crate::model::traffic::Traffic;

/// What is measured, and ranked by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Flow records.
    Flows,
    /// Bytes, scaled by sampling.
    #[default]
    Bytes,
    /// Packets, scaled by sampling.
    Packets,
    /// Distinct outside addresses.
    Addresses,
}

impl Metric {
    /// Every metric, in the order that pages show them.
    pub const ALL: [Self; 4] = [Self::Flows, Self::Bytes, Self::Packets, Self::Addresses];

    /// The word of the API and of links.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Bytes => "bytes",
            Self::Packets => "packets",
            Self::Addresses => "addresses",
        }
    }

    /// The metric of a word.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }
}

/// How many different ones there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Distinct {
    /// How many.
    pub count: u64,
    /// Standard error of an estimate as a part of `count` (0.01 is 1 %); 0 when the count is exact.
    pub error: f32,
}

impl Distinct {
    /// A counted number.
    pub const fn exact(count: u64) -> Self {
        Self { count, error: 0.0 }
    }

    /// True when it was counted, not estimated.
    pub fn is_exact(self) -> bool {
        self.error <= 0.0
    }
}

/// Traffic, and from or to how many outside addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Amount {
    /// The traffic.
    pub traffic: Traffic,
    /// Distinct outside addresses; `None` when the question did not ask, or the tier does not know.
    pub addresses: Option<Distinct>,
}

impl Amount {
    /// The figure of a metric: bytes and packets scaled by sampling.
    pub fn of(&self, metric: Metric) -> u64 {
        match metric {
            Metric::Flows => self.traffic.flows,
            Metric::Bytes => self.traffic.scaled_bytes,
            Metric::Packets => self.traffic.scaled_packets,
            Metric::Addresses => self.addresses.map_or(0, |addresses| addresses.count),
        }
    }
}

/// What flows are grouped by has this value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// The value as the filter language reads it: `DE`, `15169`, `192.0.2.1`, `tcp`, `Lyon, FR`, `unknown`.
    pub value: String,
    /// What it is called: `Germany`, `Google LLC`, a host name, `https`; empty when nothing is known beyond the value.
    pub label: String,
}

/// What is kept, from the finest to the coarsest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Every flow record.
    Archive,
    /// Sums for each minute.
    Minute,
    /// Sums for each hour.
    Hour,
    /// Sums for each day (UTC).
    Day,
}

impl Tier {
    /// Every tier, finest first.
    pub const ALL: [Self; 4] = [Self::Archive, Self::Minute, Self::Hour, Self::Day];

    /// Length of a bucket, milliseconds; 1 for the archive.
    pub const fn bucket_ms(self) -> i64 {
        match self {
            Self::Archive => 1,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The label in metrics, as in JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Several as people list them: `flow records, minute sums and hour sums`.
    pub fn list(tiers: &[Self]) -> String {
        let names: Vec<&str> = tiers.iter().map(|tier| tier.name()).collect();
        match names.split_last() {
            Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
            _ => names.concat(),
        }
    }

    /// The word of the API and of pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Archive => "flow records",
            Self::Minute => "minute sums",
            Self::Hour => "hour sums",
            Self::Day => "day sums",
        }
    }
}

/// What an answer was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// The tiers it was read from, finest first.
    pub tiers: Vec<Tier>,
    /// What was asked for, widened to whole buckets where only sums are left.
    pub range: TimeRange,
    /// False when something of the range is not kept any more in any tier that could answer, or in a file that is
    /// damaged, or the sums knew the keys only in part, or flow records were received and not stored: the figures are
    /// too low. `note` says why.
    pub is_complete: bool,
    /// For people: why it is not complete, or what to know about it; empty when there is nothing to say.
    pub note: String,
    /// Stretches of the range in which nothing was collected, by time: before the first start, between two, while the
    /// history was off or the disk took nothing. What is to come is none. At most the 100 longest; of a
    /// series all, where of more than 100 those within the same step are one, as long as they are together.
    pub gaps: Vec<TimeRange>,
    /// How long the answer took, milliseconds.
    pub took_ms: u64,
}

impl Source {
    /// Its gaps for people, to go on with: ` · nothing was collected in 2 stretches of it`; empty when there are none.
    pub fn gaps_told(&self) -> String {
        match self.gaps.len() {
            0 => String::new(),
            1 => " · nothing was collected in 1 stretch of it".to_owned(),
            number => format!(" · nothing was collected in {number} stretches of it"),
        }
    }
}
