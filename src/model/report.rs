//! Reports: what passed in a period, as the page, the PDF and the API show it.
//!
//! A [`Report`] holds every figure and every date that is shown, so whoever renders one asks nothing more and knows no
//! time zone. Dates and times in it are ISO 8601 in the report's zone. It is kept as JSON: fields may come, with a default.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::history::{Amount, CountryAmount, Distinct, Key, Source};
use super::time_range::TimeRange;
use super::traffic::Traffic;

/// How long the periods of a schedule are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A calendar month.
    #[default]
    Month,
    /// A week, from Monday on (ISO 8601).
    Week,
    /// A day.
    Day,
    /// Any range; no schedule has it.
    Custom,
}

impl Period {
    /// The word of the configuration and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::Custom => "custom",
        }
    }
}

/// A part of a report that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Bytes, flows and packets by day, inbound and outbound, with the period before.
    Days,
    /// Busiest hours of the week, peaks and 95th percentiles.
    Hours,
    /// The world, coloured by bytes.
    Map,
    /// Countries with most bytes.
    Countries,
    /// Cities with most bytes.
    Cities,
    /// Autonomous systems with most bytes.
    Systems,
    /// Services (protocol and smaller port) with most bytes.
    Services,
    /// IP protocols.
    Protocols,
    /// Home addresses with most bytes. Only flow records know them.
    HomeHosts,
    /// Outside addresses with most bytes. Only flow records know them.
    OutsideHosts,
    /// Countries and autonomous systems never seen before.
    New,
    /// Exporters, with what is missing of each.
    Exporters,
}

impl Section {
    /// Every section, in the order of a report.
    pub const ALL: [Self; 12] = [
        Self::Days,
        Self::Hours,
        Self::Map,
        Self::Countries,
        Self::Cities,
        Self::Systems,
        Self::Services,
        Self::Protocols,
        Self::HomeHosts,
        Self::OutsideHosts,
        Self::New,
        Self::Exporters,
    ];

    /// The word of the configuration, the command line and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::Hours => "hours",
            Self::Map => "map",
            Self::Countries => "countries",
            Self::Cities => "cities",
            Self::Systems => "systems",
            Self::Services => "services",
            Self::Protocols => "protocols",
            Self::HomeHosts => "home_hosts",
            Self::OutsideHosts => "outside_hosts",
            Self::New => "new",
            Self::Exporters => "exporters",
        }
    }

    /// The heading of it.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Days => "Traffic by day",
            Self::Hours => "Busiest hours and peaks",
            Self::Map => "Where it went",
            Self::Countries => "Countries",
            Self::Cities => "Cities",
            Self::Systems => "Autonomous systems",
            Self::Services => "Services",
            Self::Protocols => "Protocols",
            Self::HomeHosts => "Home hosts",
            Self::OutsideHosts => "Outside hosts",
            Self::New => "Seen for the first time",
            Self::Exporters => "Exporters, and how far to trust this",
        }
    }

    /// The section of a word.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.name() == name)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a report is to be of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportQuestion {
    /// The heading; empty for the one of the configuration.
    pub title: String,
    /// How long the period is.
    pub period: Period,
    /// When: for a month, week or day the whole of it in the zone.
    pub range: TimeRange,
    /// IANA name of the time zone, such as `Africa/Johannesburg`.
    pub zone: String,
    /// Which flows, in the filter language; empty for all.
    pub filter: String,
    /// What it has, in the order of [`Section::ALL`].
    pub sections: Vec<Section>,
}

/// An amount and what it was in the period before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Compared {
    /// In this period.
    pub now: Amount,
    /// In the one before; `None` when it is not known: nothing was collected then, or nothing is kept of it.
    pub before: Option<Amount>,
}

/// A day or an hour of the chart of traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// What it is called in the report's zone: `2026-10-31`, or `2026-10-31 14:00`.
    pub label: String,
    /// When.
    pub range: TimeRange,
    /// From outside to a home network.
    pub inbound: Traffic,
    /// From a home network to the outside.
    pub outbound: Traffic,
    /// All of it, internal and transit flows too.
    pub total: Traffic,
    /// All of the step at the same place of the period before; `None` when nothing is known of it.
    pub before: Option<Traffic>,
    /// True when nothing was collected in a part of it.
    pub has_gap: bool,
}

/// The traffic of a week by weekday and hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WeekHours {
    /// Mean bytes a second, scaled by sampling: seven weekdays from Monday on, each with its 24 hours; `None` where
    /// nothing was collected.
    pub bytes_per_second: Vec<Vec<Option<u64>>>,
}

/// The largest rate of a way, and the rate that is exceeded in a twentieth of the time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Peak {
    /// `Inbound`, `Outbound` or `All`.
    pub way: String,
    /// Length of the steps whose means are compared, milliseconds.
    pub step_ms: i64,
    /// Mean bits a second of the busiest step, scaled by sampling.
    pub peak_bits_per_second: u64,
    /// When that was, in the report's zone.
    pub peak_at: String,
    /// 95th percentile of the steps' means, bits a second: the smallest that 95 % of the steps do not exceed.
    pub p95_bits_per_second: u64,
    /// Mean bits a second.
    pub mean_bits_per_second: u64,
}

/// A row of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopEntry {
    /// What it is of.
    pub key: Key,
    /// What it had.
    pub amount: Compared,
}

/// The list of a section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopSection {
    /// Which section it is of.
    pub section: Section,
    /// What the first column is called.
    pub column: String,
    /// The rows with most bytes, most first.
    pub rows: Vec<TopEntry>,
    /// How many there are in all, where that is known.
    pub of: Option<u64>,
    /// What all of them had, each flow once.
    pub total: Amount,
    /// What it was made of; `note` says what is missing.
    pub source: Source,
}

/// What was seen for the first time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Newcomer {
    /// `Country` or `AS`.
    pub kind: String,
    /// Which.
    pub key: Key,
    /// When, in the report's zone, as finely as it is known.
    pub first_seen: String,
    /// What it had in the period.
    pub amount: Amount,
}

/// What an exporter told, and what is missing of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExporterEntry {
    /// Its address, and its name where one is known.
    pub exporter: Key,
    /// What it told.
    pub amount: Compared,
    /// Flow records that are missing by its sequence numbers.
    pub missing_records: u64,
    /// Export datagrams that are missing by its sequence numbers, of protocols that number these.
    pub missing_datagrams: u64,
    /// Data sets, samples and datagrams that could not be decoded.
    pub undecodable: u64,
    /// Hours in which it told nothing, since it first told something in this period or the one before, without those in
    /// which nothing was collected; `null` where hours are not kept.
    pub silent_hours: Option<u32>,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// What it is of.
    pub question: ReportQuestion,
    /// What its period is called: `October 2026`, `Week 44 of 2026`, `2026-10-31`, `2026-10-01 08:00 – 2026-10-02 09:30`.
    pub period: String,
    /// The same of the period before.
    pub period_before: String,
    /// The period before: the calendar month, week or day, or as long a range.
    pub range_before: TimeRange,
    /// When it was made, milliseconds since 1970, and in its zone.
    pub made_ms: i64,
    /// The same in the report's zone: `2026-11-01 03:00 CET`.
    pub made_at: String,
    /// The period in sentences.
    pub summary: Vec<String>,
    /// All of it, with distinct outside addresses.
    pub total: Compared,
    /// From outside to home networks.
    pub inbound: Compared,
    /// From home networks to the outside.
    pub outbound: Compared,
    /// Between home networks.
    pub internal: Compared,
    /// Between others.
    pub transit: Compared,
    /// Traffic over time: days, or hours of a report of at most two days; empty without the section.
    pub steps: Vec<Step>,
    /// By weekday and hour; `None` without the section.
    pub week: Option<WeekHours>,
    /// Inbound, outbound, all; empty without the section.
    pub peaks: Vec<Peak>,
    /// Every country with traffic, most bytes first; empty without the sections that show it.
    pub countries: Vec<CountryAmount>,
    /// The lists, in the order of the sections.
    pub tops: Vec<TopSection>,
    /// What was seen for the first time, those with most bytes first; at most 50.
    pub newcomers: Vec<Newcomer>,
    /// How many there are of them in all.
    pub newcomers_in_all: u64,
    /// The exporters, most bytes first; empty without the section.
    pub exporters: Vec<ExporterEntry>,
    /// Flow records that Meridian received in the period and could not keep.
    pub lost_records: u64,
    /// Distinct countries in the period.
    pub countries_in_all: Distinct,
    /// What the figures of the whole were made of.
    pub source: Source,
    /// What a reader has to know: gaps, sampling, estimates, what could not be told, one sentence each.
    pub notes: Vec<String>,
}

/// How far a report is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ReportState {
    /// It is being made, or about to be.
    Waiting,
    /// It is there.
    Done,
    /// It could not be made; it is tried again.
    Failed {
        /// Why, for people.
        reason: String,
        /// When it is tried again, milliseconds since 1970; `None` when it is not.
        next_ms: Option<i64>,
    },
}

/// What became of a report that was to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// `email` or `webhook`.
    pub kind: String,
    /// The address; of a URL scheme, host and port only: its path, password and query may be secrets.
    pub to: String,
    /// When it was taken, milliseconds since 1970; `None` as long as it was not.
    pub sent_ms: Option<i64>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again; `None` when it was sent or is given up.
    pub next_ms: Option<i64>,
    /// Why the last try failed; empty when it did not.
    pub fault: String,
}

/// A report in the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportEntry {
    /// Its name in links: lower-case letters, digits and `-`.
    pub id: String,
    /// The schedule that it was written for; `None` when somebody asked for it.
    pub schedule: Option<String>,
    /// What it is of.
    pub question: ReportQuestion,
    /// What its period is called.
    pub period: String,
    /// When it was due or asked for, milliseconds since 1970.
    pub due_ms: i64,
    /// When it was made; `None` as long as it was not.
    pub made_ms: Option<i64>,
    /// How far it is.
    pub state: ReportState,
    /// To whom it goes.
    pub deliveries: Vec<Delivery>,
}

/// When reports are written by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
    /// Its name: lower-case letters, digits and `-`.
    pub name: String,
    /// What each report is of: the last whole period before it is due.
    pub period: Period,
    /// When, as cron writes it (minute hour day month weekday), in the zone.
    pub cron: String,
    /// IANA name of the time zone.
    pub zone: String,
    /// The heading; empty for the one of the configuration.
    pub title: String,
    /// Which flows; empty for all.
    pub filter: String,
    /// What the reports have.
    pub sections: Vec<Section>,
    /// Addresses that get the PDF.
    pub email: Vec<String>,
    /// Where it is announced; empty for nowhere.
    pub webhook: String,
}

/// A schedule in the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleEntry {
    /// What it says.
    pub schedule: Schedule,
    /// True when the configuration has it: it is changed there.
    pub is_configured: bool,
    /// When the next report is due, milliseconds since 1970; `None` when never.
    pub next_ms: Option<i64>,
    /// The same in its zone.
    pub next_at: String,
}

/// A report with its place in the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportPage {
    /// Its place in the list.
    pub entry: ReportEntry,
    /// What it says; `None` as long as it is not made.
    pub report: Option<Report>,
    /// Where the logo above it is; empty when there is none.
    pub logo: String,
}

/// All reports and schedules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportList {
    /// The reports, the latest due first; at most 2,000.
    pub reports: Vec<ReportEntry>,
    /// How many there are in all.
    pub reports_in_all: u64,
    /// The schedules, by name.
    pub schedules: Vec<ScheduleEntry>,
    /// The zone that is offered first.
    pub zone: String,
    /// True when e-mail can be sent.
    pub can_mail: bool,
    /// Days that reports are kept after they were due; `None` for good.
    pub keep_days: Option<u32>,
    /// For people: what is wrong and what to do.
    pub notices: Vec<String>,
}
