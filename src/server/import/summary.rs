//! What an import found, as text for people and as JSON for programs.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use serde::Serialize;

use super::datagrams::PacketCounters;
use super::tops::{TopCountry, TopSystem};
use crate::model::exporter::{Exporter, Protocol};
use crate::model::time;
use crate::model::traffic::Traffic;
use crate::server::collector::exporter::ByReason;
use crate::server::collector::intake::Counters;
use crate::server::history::recorder::Finished;
use crate::server::wire::error::Reason;

/// Countries and systems in the text, and in JSON.
pub const MOST_TOPS: usize = 10;
/// Exporters in the text; JSON has all.
const MOST_EXPORTERS: usize = 50;

/// What an import found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The files, in order.
    pub files: Vec<FileSummary>,
    /// True when a stop signal ended it before all was read.
    pub is_interrupted: bool,
    /// What became of the flow records; `null` when they were only counted.
    pub kept: Option<Kept>,
    /// Seconds it took.
    pub elapsed_s: f64,
    /// What came of the packets.
    pub packets: PacketCounters,
    /// What came of the export datagrams in them.
    pub totals: Totals,
    /// The exporters, those with most flows first.
    pub exporters: Vec<ExporterSummary>,
    /// Countries with most bytes.
    pub countries: Vec<TopCountry>,
    /// Autonomous systems with most bytes.
    pub autonomous_systems: Vec<TopSystem>,
    /// Flows left out of the sums of autonomous systems, because there were too many of these.
    pub flows_without_as_sum: u64,
}

/// What became of the flow records of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// On disk.
    pub stored: u64,
    /// Lost because the disk was full or failed.
    pub lost: u64,
    /// Why nothing more could be kept, if so.
    pub problem: Option<String>,
}

impl Kept {
    /// By what the recorder says at its end.
    pub fn new(end: Finished) -> Self {
        let Finished { account, trouble } = end;
        Self { stored: account.stored, lost: account.lost(), problem: trouble }
    }
}

/// One file of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileSummary {
    /// As it was named.
    pub file: String,
    /// `pcap` or `pcapng`; empty when it is neither.
    pub format: &'static str,
    /// Packets in it.
    pub packets: u64,
    /// Why it was not read to its end, if so.
    pub problem: Option<String>,
}

/// What came of all export datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Export datagrams.
    pub datagrams: u64,
    /// Their UDP payload in bytes.
    pub datagram_bytes: u64,
    /// Flow records made of them, with their bytes and packets as exported.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Options data records.
    pub options_records: u64,
    /// Datagrams, sets, templates and samples of sFlow that could not be decoded, by reason.
    pub undecodable: Vec<Undecodable>,
    /// Data sets whose template never came: still waiting, given up, or without room to wait.
    pub sets_waiting: u64,
    /// Datagrams of sources that `admission.networks` does not hold.
    pub datagrams_not_admitted: u64,
    /// Datagrams that came twice and were left out the second time.
    pub duplicate_datagrams: u64,
    /// Data records left out because their exporter sent more than `admission.flow_records_per_second`.
    pub rate_limited_records: u64,
    /// Flow records dropped by a `count_once` rule.
    pub duplicate_flows: u64,
    /// Data records of firewall or NAT events without traffic: no flow records.
    pub events: u64,
    /// Flow records left out for counters beyond what a link can carry.
    pub implausible_records: u64,
    /// Flow records missing by sequence numbers (v5, v7, IPFIX).
    pub missing_records: u64,
    /// Datagrams missing by sequence numbers (v9, sFlow).
    pub missing_datagrams: u64,
    /// Flow records whose times could not be, and were replaced.
    pub times_replaced: u64,
    /// Exporters left out of the list because it was full.
    pub exporters_forgotten: u64,
    /// The capture's time of the first export datagram, milliseconds since 1970.
    pub first_ms: Option<i64>,
    /// The capture's time of the last export datagram, milliseconds since 1970.
    pub last_ms: Option<i64>,
}

/// Something that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undecodable {
    /// `datagrams`, `sets`, `templates` or `samples`.
    pub what: &'static str,
    /// Label of the reason, as in the metrics.
    pub reason: &'static str,
    /// The reason in words.
    pub text: &'static str,
    /// How many.
    pub count: u64,
}

/// What came from one exporter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExporterSummary {
    /// Its address.
    pub address: IpAddr,
    /// Names of its protocols.
    pub protocols: Vec<&'static str>,
    /// Its datagrams.
    pub datagrams: u64,
    /// Flow records made of them, with their bytes and packets as exported.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// What could not be decoded: label of the reason and count.
    pub undecodable: Vec<(String, u64)>,
    /// Data sets whose template never came.
    pub sets_waiting: u64,
    /// Units missing by sequence numbers: flow records for v5, v7 and IPFIX, datagrams for v9 and sFlow.
    pub missing: u64,
    /// The capture's time of its first datagram, milliseconds since 1970.
    pub first_ms: i64,
    /// The capture's time of its last datagram, milliseconds since 1970.
    pub last_ms: i64,
}

impl Totals {
    /// Of what the intake counted.
    pub fn new(counters: &Counters, exporters: &[ExporterSummary]) -> Self {
        let of = |what, by_reason: &ByReason| -> Vec<Undecodable> {
            let all = Reason::ALL.into_iter().zip(*by_reason);
            all.filter(|(_, count)| *count > 0)
                .map(|(reason, count)| Undecodable {
                    what,
                    reason: reason.label(),
                    text: reason.text(),
                    count,
                })
                .collect()
        };
        let undecodable = [
            of("datagrams", &counters.undecodable_datagrams),
            of("sets", &counters.undecodable_sets),
            of("templates", &counters.undecodable_templates),
            of("samples", &counters.sflow.undecodable_samples),
        ];
        Self {
            datagrams: counters.datagrams,
            datagram_bytes: counters.datagram_bytes,
            traffic: counters.traffic,
            options_records: counters.options_records,
            undecodable: undecodable.concat(),
            sets_waiting: counters.sets_waiting + counters.sets_expired + counters.sets_refused,
            datagrams_not_admitted: counters.datagrams_not_admitted,
            duplicate_datagrams: counters.duplicate_datagrams,
            rate_limited_records: counters.rate_limited_records,
            duplicate_flows: counters.duplicate_flows.flows,
            events: counters.events,
            implausible_records: counters.implausible_records,
            missing_records: counters.missing_records,
            missing_datagrams: counters.missing_datagrams,
            times_replaced: counters.times_replaced,
            exporters_forgotten: counters.exporters_forgotten,
            first_ms: exporters.iter().map(|exporter| exporter.first_ms).min(),
            last_ms: exporters.iter().map(|exporter| exporter.last_ms).max(),
        }
    }
}

impl From<Exporter> for ExporterSummary {
    fn from(exporter: Exporter) -> Self {
        Self {
            address: exporter.address,
            protocols: exporter.protocols.into_iter().map(Protocol::name).collect(),
            datagrams: exporter.datagrams,
            traffic: exporter.traffic,
            undecodable: exporter.undecodable,
            sets_waiting: exporter.sets_waiting + exporter.sets_expired,
            missing: exporter.sequence_missing,
            first_ms: exporter.first_seen_ms,
            last_ms: exporter.last_seen_ms,
        }
    }
}

impl Summary {
    /// True when every file was read to its end, and what was to be kept is.
    pub fn is_complete(&self) -> bool {
        let is_kept = self.kept.as_ref().is_none_or(|kept| kept.lost == 0 && kept.problem.is_none());
        !self.is_interrupted && is_kept && self.files.iter().all(|file| file.problem.is_none())
    }

    /// Packets whose content was not export, with the reason in words.
    fn left_out(&self) -> impl Iterator<Item = (u64, &'static str)> {
        let packets = &self.packets;
        [
            (packets.no_export, "UDP datagrams that do not begin like an export datagram"),
            (packets.other_ports, "UDP datagrams to ports that were not asked for"),
            (packets.not_udp, "IP packets that are not UDP"),
            (
                packets.ipfix_over_tcp,
                "TCP segments to an IPFIX port: IPFIX over TCP is not read from captures",
            ),
            (packets.not_ip, "packets that are not IP"),
            (packets.unsupported_link, "packets of a link type that is not supported"),
            (packets.cut_short, "packets of which the capture kept too little (capture with `-s 0`)"),
            (packets.malformed, "packets whose headers do not fit together"),
            (packets.incomplete, "fragmented datagrams of which a part is missing"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            let format = if file.format.is_empty() { "not read" } else { file.format };
            line(text, "file", format_args!("{} ({format}, {} packets)", file.file, file.packets))?;
            if let Some(problem) = &file.problem {
                line(text, "", format_args!("{problem}"))?;
            }
        }
        if self.is_interrupted {
            line(text, "interrupted", format_args!("what follows is what was read up to then"))?;
        }
        let packets = &self.packets;
        let totals = &self.totals;
        line(
            text,
            "packets",
            format_args!("{} with {} export datagrams", packets.packets, totals.datagrams),
        )?;
        for (count, what) in self.left_out() {
            line(text, "left out", format_args!("{count} {what}"))?;
        }
        if packets.fragments > 0 {
            line(
                text,
                "fragments",
                format_args!("{} made {} datagrams", packets.fragments, packets.reassembled),
            )?;
        }
        if packets.without_time > 0 {
            let count = packets.without_time;
            line(
                text,
                "without time",
                format_args!("{count} packets: taken as captured with the one before"),
            )?;
        }
        line(text, "flows", format_args!("{}", totals.traffic.flows))?;
        match &self.kept {
            Some(kept) => line(text, "stored", format_args!("{}", kept.stored))?,
            None => line(text, "stored", format_args!("nothing, as asked by --dry-run"))?,
        }
        if let Some(Kept { lost: lost @ 1.., .. }) = &self.kept {
            line(text, "lost", format_args!("{lost} flow records"))?;
        }
        if let Some(problem) = self.kept.as_ref().and_then(|kept| kept.problem.as_ref()) {
            line(text, "", format_args!("{problem}"))?;
        }
        line(text, "bytes", format_args!("{}", totals.traffic.bytes))?;
        line(text, "packets in flows", format_args!("{}", totals.traffic.packets))?;
        for undecodable in &totals.undecodable {
            let Undecodable { what, text: reason, count, .. } = undecodable;
            line(text, "undecodable", format_args!("{count} {what}: {reason}"))?;
        }
        let counts = [
            (
                "not admitted",
                totals.datagrams_not_admitted,
                "datagrams of sources outside admission.networks",
            ),
            ("came twice", totals.duplicate_datagrams, "datagrams, counted once"),
            (
                "over the limit",
                totals.rate_limited_records,
                "data records, by admission.flow_records_per_second",
            ),
            ("counted elsewhere", totals.duplicate_flows, "flow records, by count_once rules"),
            ("events", totals.events, "data records of firewalls or NAT without traffic"),
            ("implausible", totals.implausible_records, "flow records with more than a link can carry"),
            ("without template", totals.sets_waiting, "data sets whose template is not in the capture"),
            ("missing", totals.missing_records, "flow records, by sequence numbers"),
            ("missing", totals.missing_datagrams, "datagrams, by sequence numbers"),
            ("times replaced", totals.times_replaced, "flow records with times that cannot be"),
            ("forgotten", totals.exporters_forgotten, "exporters, for there were too many"),
        ];
        for (name, count, what) in counts.into_iter().filter(|(_, count, _)| *count > 0) {
            line(text, name, format_args!("{count} {what}"))?;
        }
        if let (Some(first_ms), Some(last_ms)) = (totals.first_ms, totals.last_ms) {
            let (first, last) = (time::date_and_time(first_ms), time::date_and_time(last_ms));
            line(text, "time", format_args!("{first} to {last}"))?;
        }
        self.lists(text)?;
        let speed = per_second(totals.traffic.flows, self.elapsed_s);
        line(text, "took", format_args!("{:.1} s ({speed:.0} flows a second)", self.elapsed_s))
    }
}

impl Summary {
    fn lists(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        for exporter in self.exporters.iter().take(MOST_EXPORTERS) {
            let mut details = String::new();
            if exporter.sets_waiting > 0 {
                write!(details, ", {} sets without template", exporter.sets_waiting)?;
            }
            if exporter.missing > 0 {
                write!(details, ", {} missing", exporter.missing)?;
            }
            for (reason, count) in &exporter.undecodable {
                write!(details, ", {count} undecodable ({reason})")?;
            }
            let Traffic { flows, bytes, packets, .. } = exporter.traffic;
            let protocols = if exporter.protocols.is_empty() {
                "unread".to_owned()
            } else {
                exporter.protocols.join(", ")
            };
            let (first, last) =
                (time::date_and_time(exporter.first_ms), time::date_and_time(exporter.last_ms));
            line(
                text,
                "exporter",
                format_args!(
                    "{} ({protocols}): {} datagrams, {flows} flows, {bytes} bytes, {packets} packets{details}, {first} to {last}",
                    exporter.address, exporter.datagrams
                ),
            )?;
        }
        if let Some(more) = self.exporters.len().checked_sub(MOST_EXPORTERS).filter(|more| *more > 0) {
            line(text, "", format_args!("and {more} more exporters: `--format json` lists all"))?;
        }
        for country in &self.countries {
            let name = if country.name.is_empty() { "unknown" } else { country.name };
            line(text, "country", format_args!("{name}: {}", amount(country.traffic)))?;
        }
        for system in &self.autonomous_systems {
            let name = if system.number == 0 { "unknown" } else { &system.name };
            line(text, "AS", format_args!("{} {name}: {}", system.number, amount(system.traffic)))?;
        }
        if self.flows_without_as_sum > 0 {
            line(text, "", format_args!("{} flows are in no AS's sum", self.flows_without_as_sum))?;
        }
        Ok(())
    }
}

fn amount(traffic: Traffic) -> String {
    format!("{} bytes, {} packets, {} flows", traffic.bytes, traffic.packets, traffic.flows)
}

fn line(text: &mut fmt::Formatter<'_>, name: &str, value: fmt::Arguments<'_>) -> fmt::Result {
    writeln!(text, "{name:<20} {value}")
}

/// For people to read: the only numbers that need not be exact.
#[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
pub fn per_second(count: u64, elapsed_s: f64) -> f64 {
    if elapsed_s > 0.0 { count as f64 / elapsed_s } else { 0.0 }
}
