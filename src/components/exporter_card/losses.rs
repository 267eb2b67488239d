//! What is missing, was not decoded, or was left out, each with its reason. Only what happened is shown.

use leptos::prelude::*;

use super::health::Tone;
use crate::model::exporter::{Exporter, Protocol};
use crate::model::{quantity, undecodable};

/// One kind of loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How grave it is.
    pub tone: Tone,
    /// How many.
    pub count: u64,
    /// Of what, in the plural, beginning small.
    pub what: String,
    /// Why, and what to do about it.
    pub why: String,
}

/// The list of them.
#[component]
pub fn Losses(exporter: Memo<Option<Exporter>>) -> impl IntoView {
    let happened = Memo::new(move |_| {
        let mut entries = exporter.with(|exporter| exporter.as_ref().map(entries).unwrap_or_default());
        entries.retain(|entry| entry.count > 0);
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.tone));
        entries
    });
    view! {
        <Show when=move || !happened.with(Vec::is_empty)>
            <section class="exporter__part exporter__part--wide">
                <h3>"Missing and left out"</h3>
                <ul class="losses">
                    {move || happened.get().into_iter().map(|entry| view! {
                        <li class="losses__entry">
                            <b class=format!("losses__count losses__count--{}", entry.tone.name())>
                                {quantity::count(entry.count)}
                            </b>
                            " "
                            <span class="losses__what">{entry.what}</span>
                            " "
                            <span class="losses__why">{entry.why}</span>
                        </li>
                    }).collect_view()}
                </ul>
            </section>
        </Show>
    }
    .into_any()
}

/// True when something is missing that was sent while Meridian was running.
pub fn is_missing(exporter: &Exporter) -> bool {
    exporter.sequence_missing > 0 || exporter.samples.missing > 0 || exporter.samples.dropped > 0
}

/// What sequence numbers count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Nothing,
    FlowRecords,
    Datagrams,
    Both,
}

impl Unit {
    fn of(exporter: &Exporter) -> Self {
        exporter.protocols.iter().fold(Self::Nothing, |unit, protocol| {
            let own = match protocol {
                Protocol::NetflowV1 => return unit,
                Protocol::NetflowV5 | Protocol::NetflowV7 | Protocol::Ipfix => Self::FlowRecords,
                Protocol::NetflowV9 | Protocol::SflowV5 => Self::Datagrams,
            };
            if unit == Self::Nothing || unit == own { own } else { Self::Both }
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::FlowRecords => "flow records",
            Self::Datagrams => "datagrams",
            Self::Nothing | Self::Both => "flow records or datagrams",
        }
    }
}

/// The figure of what is missing.
pub fn missing(exporter: &Exporter) -> String {
    match (exporter.sequence_missing, Unit::of(exporter)) {
        (0, Unit::Nothing) => "not known".to_owned(),
        (0, _) => "none".to_owned(),
        (missing, _) => quantity::count(missing),
    }
}

/// What it is a share of.
pub fn missing_share(exporter: &Exporter) -> String {
    let unit = Unit::of(exporter);
    let received = match unit {
        Unit::Nothing => return "v1 has no sequence numbers".to_owned(),
        Unit::Both => return unit.name().to_owned(),
        Unit::FlowRecords => exporter.traffic.flows,
        Unit::Datagrams => exporter.datagrams,
    };
    match exporter.sequence_missing {
        0 => format!("of the {}", unit.name()),
        missing => {
            format!("{}, {}", unit.name(), quantity::percent(missing, received.saturating_add(missing)))
        }
    }
}

/// Every kind of loss with its count, also those that did not happen.
pub fn entries(exporter: &Exporter) -> Vec<Entry> {
    let entry = |tone, count, what: &str, why: String| Entry { tone, count, what: what.to_owned(), why };
    let plain = |tone, count, what: &str, why: &str| entry(tone, count, what, why.to_owned());
    let unit = Unit::of(exporter).name();
    let elsewhere = exporter.duplicate_flows;
    let mut entries = vec![
        entry(
            Tone::Bad,
            exporter.sequence_missing,
            &format!("{unit} missing"),
            format!(
                "Lost on the way, or in the kernel of this machine: {} in the sequence numbers.",
                quantity::counted(exporter.sequence_gaps, "gap")
            ),
        ),
        plain(
            Tone::Warn,
            exporter.sequence_uncertain,
            "records of uncertain fate",
            "They wait for a template, could not be decoded, or were lost.",
        ),
        entry(
            Tone::Plain,
            exporter.sequence_stopped,
            &format!("{unit} sent while Meridian was stopped"),
            "Nobody was there to receive them.".to_owned(),
        ),
        plain(
            Tone::Warn,
            exporter.sets_waiting,
            "data sets waiting for their template",
            "They are decoded as soon as it comes; exporters send templates every few minutes.",
        ),
        plain(
            Tone::Bad,
            exporter.sets_expired,
            "data sets given up",
            "Their template never came, or the waiting room was full.",
        ),
        plain(
            Tone::Warn,
            exporter.rate_limited_records,
            "flow records over the limit",
            "It sent more than admission.flow_records_per_second allows.",
        ),
        entry(
            Tone::Plain,
            elsewhere.flows,
            "flow records counted elsewhere",
            format!("A count_once rule says so: {}, as exported.", quantity::bytes(elsewhere.bytes)),
        ),
        plain(
            Tone::Plain,
            exporter.duplicate_datagrams,
            "datagrams that came twice",
            "The network delivered them again; they are counted once.",
        ),
        plain(
            Tone::Plain,
            exporter.events,
            "events without traffic",
            "Of a firewall or of NAT: they are no flows.",
        ),
        plain(
            Tone::Warn,
            exporter.implausible_records,
            "flow records with impossible counters",
            "More than a link can carry: a fault, or somebody forges.",
        ),
        plain(
            Tone::Plain,
            exporter.times_replaced,
            "flow records with unusable times",
            "Counted, with the time of their export or receipt: is its clock right?",
        ),
        plain(
            Tone::Warn,
            exporter.options_not_kept,
            "options records without room",
            "It names more interfaces, samplers or applications than Meridian keeps.",
        ),
    ];
    entries.extend(exporter.undecodable.iter().map(|(label, count)| {
        let (what, why) = undecodable::words(label)
            .map_or_else(|| (label.replace('_', " "), ""), |(what, why)| (what.to_lowercase(), why));
        entry(Tone::Bad, *count, &format!("not decoded: {what}"), why.to_owned())
    }));
    if exporter.protocols.contains(&Protocol::SflowV5) {
        let samples = &exporter.samples;
        entries.push(plain(
            Tone::Bad,
            samples.missing,
            "samples missing",
            "By the sequence numbers of its interfaces: lost on the way.",
        ));
        entries.push(plain(
            Tone::Bad,
            samples.dropped,
            "samples dropped by the agent",
            "It says so itself: sample fewer packets, with a larger interval.",
        ));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporter(protocols: &[Protocol]) -> Exporter {
        let text = r#"{"id":1,"address":"192.0.2.1","protocols":[],"first_seen_ms":0,"last_seen_ms":0,"datagrams":970,
            "datagram_bytes":0,"traffic":{"flows":90,"bytes":0,"packets":0,"scaled_bytes":0,"scaled_packets":0,
            "unknown_sampling":0},"options_records":0,"sets_waiting":0,"sets_expired":0,"sequence_gaps":0,
            "sequence_missing":0,"times_replaced":0,"undecodable":[],"templates":[],"sampling_interval":1,
            "sampling_source":"record","samplers":[],"interfaces":[],"vrfs":[],"interface_names":0,
            "application_names":0,"options_not_understood":0,"options_not_kept":0,"events":0,
            "implausible_records":0,"sent_from":null,"samples":{"flow":0,"counter":0,"missing":0,"dropped":0,
            "discarded":[]},"rate_limited_sets":0,"rate_limited_records":0,"duplicate_flows":{"flows":0,"bytes":0,
            "packets":0,"scaled_bytes":0,"scaled_packets":0,"unknown_sampling":0},"duplicate_datagrams":0,
            "sequence_uncertain":0,"sequence_stopped":0}"#;
        let mut exporter: Exporter = serde_json::from_str(text).unwrap();
        exporter.protocols = protocols.to_vec();
        exporter
    }

    #[test]
    fn what_is_missing_is_a_share_of_what_its_sequence_numbers_count() {
        let v9 = Exporter { sequence_missing: 30, ..exporter(&[Protocol::NetflowV9]) };
        assert_eq!(missing_share(&v9), "datagrams, 3.0\u{202f}%");
        let ipfix = Exporter { sequence_missing: 30, ..exporter(&[Protocol::Ipfix]) };
        assert_eq!(missing_share(&ipfix), "flow records, 25\u{202f}%");
        let both = Exporter { sequence_missing: 30, ..exporter(&[Protocol::Ipfix, Protocol::NetflowV9]) };
        assert_eq!(missing_share(&both), "flow records or datagrams");
        assert_eq!(missing(&exporter(&[Protocol::NetflowV1])), "not known");
    }

    #[test]
    fn a_reason_without_words_is_still_shown() {
        let label = ("a_new_reason".to_owned(), 3);
        let strange = Exporter { undecodable: vec![label], ..exporter(&[Protocol::NetflowV9]) };
        assert!(entries(&strange).iter().any(|entry| entry.what == "not decoded: a new reason"));
    }
}
