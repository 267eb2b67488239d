//! `/metrics` in Prometheus' text format: what the collecting threads and the live feed have counted, at this moment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::archive::Seals;
use super::collector::exporter::ExporterSnapshot;
use super::collector::options::Kind;
use super::collector::report::Report;
use super::collector::tcp_listener::ConnectionCounts;
use super::context::Context;
use super::history::account::Account;
use super::host_names::Counts;
use super::live::{Hub, UPPER_BOUNDS_US};
use super::replay::Replays;
use super::reports::Reports;
use super::wire::error::Reason;
use crate::model::exporter::Protocol;
use crate::model::frame::SnapshotReason;
use crate::model::history::HistoryStatus;
use crate::model::status::Listener;

mod history;
mod replay;
mod reports;
mod streams;

/// The page for a scraper.
pub fn page(context: &Context) -> Response {
    let scrape = Scrape {
        report: context.report(),
        exporters: context.collector().exporters(),
        connections: context.streams().counts(),
        hub: Arc::clone(context.hub()),
        replays: Arc::clone(context.replays()),
        history: context.history_account(),
        history_status: context.history_status(),
        host_names: context.host_names().map(|names| names.counts()).unwrap_or_default(),
        seals: context.recording().seals(),
        written: Arc::clone(context.reports()),
    };
    let mut registry = Registry::with_prefix("meridian");
    registry.register_collector(Box::new(scrape));
    let mut text = String::new();
    if text::encode(&mut text, &registry).is_err() {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n").into_response();
    }
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
        .into_response()
}

/// Everything that one scrape shows.
#[derive(Debug)]
struct Scrape {
    report: Arc<Report>,
    exporters: Arc<Vec<ExporterSnapshot>>,
    connections: Vec<ConnectionCounts>,
    hub: Arc<Hub>,
    replays: Arc<Replays>,
    history: Option<Account>,
    history_status: HistoryStatus,
    host_names: Counts,
    seals: Seals,
    written: Arc<Reports>,
}

/// One value for each address: an sFlow agent whose datagrams come from several addresses may be known to several
/// workers.
fn by_address(
    exporters: &[ExporterSnapshot],
    count: fn(&ExporterSnapshot) -> u64,
) -> impl Iterator<Item = ([(&'static str, String); 1], u64)> {
    let mut sums = BTreeMap::new();
    for exporter in exporters {
        *sums.entry(exporter.summary().address).or_default() += count(exporter);
    }
    sums.into_iter().map(|(address, sum)| ([("exporter", address.to_string())], sum))
}

/// Writes families of metrics.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    /// Time that was spent, in seconds.
    fn time(&mut self, name: &str, help: &str, spent: Duration) -> fmt::Result {
        let family = self.0.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Counter)?;
        ConstCounter::new(spent.as_secs_f64()).encode(family)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }

    fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
                .encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut writer = Writer(encoder);
        self.intake(&mut writer)?;
        self.listeners(&mut writer)?;
        self.streams(&mut writer)?;
        self.exporters(&mut writer)?;
        self.live(&mut writer)?;
        self.replay(&mut writer)?;
        self.history(&mut writer)?;
        self.reports(&mut writer)?;
        self.host_names(&mut writer)
    }
}

impl Scrape {
    /// Nothing when no names are asked for.
    fn host_names(&self, writer: &mut Writer) -> fmt::Result {
        let counts = self.host_names;
        let results = [
            ("named", counts.named),
            ("nameless", counts.nameless),
            ("failed", counts.failed),
            ("refused", counts.refused),
        ];
        writer.counters(
            "host_names",
            "Addresses whose names the resolver was asked for; refused: not asked, because too many waited",
            results.map(|(result, count)| ([("result", result)], count)),
        )
    }

    fn intake(&self, writer: &mut Writer) -> fmt::Result {
        let counters = &self.report.counters;
        writer.counter(
            "datagrams_received",
            "Export datagrams received; a message over TCP or TLS counts as one",
            counters.datagrams,
        )?;
        writer.counter(
            "datagram_bytes_received",
            "UDP payload and messages over TCP and TLS received, in bytes",
            counters.datagram_bytes,
        )?;
        writer.counters(
            "datagrams",
            "Export datagrams whose header could be read, by protocol",
            Protocol::ALL
                .iter()
                .zip(counters.datagrams_by_protocol)
                .map(|(one, count)| ([("protocol", one.label())], count)),
        )?;
        let undecodable = [
            ("datagram", counters.undecodable_datagrams),
            ("set", counters.undecodable_sets),
            ("template", counters.undecodable_templates),
            ("sample", counters.sflow.undecodable_samples),
            ("sample_record", counters.sflow.undecodable_records),
        ];
        writer.counters(
            "undecodable",
            "What could not be decoded: whole datagrams, sets (what came before the fault is counted), template records, samples of sFlow, records in samples that are kept",
            undecodable.iter().flat_map(|(what, by_reason)| {
                Reason::ALL
                    .iter()
                    .zip(by_reason)
                    .map(|(reason, &count)| ([("what", *what), ("reason", reason.label())], count))
            }),
        )?;
        let sets = [
            ("template", counters.template_sets),
            ("decoded", counters.data_sets_decoded),
            ("expired", counters.sets_expired),
            ("refused", counters.sets_refused),
            ("without_template", counters.sets_without_template),
        ];
        writer.counters(
            "sets",
            "Sets by what became of them: templates, data decoded, data whose template never came, data that found no room to wait, data over TCP or TLS without template",
            sets.map(|(fate, count)| ([("fate", fate)], count)),
        )?;
        writer.gauge("sets_waiting", "Data sets that wait for their template", counters.sets_waiting)?;
        writer.counter("template_records", "Template records in template sets", counters.template_records)?;
        writer.counter(
            "templates_withdrawn",
            "Template withdrawals received; they have no effect over UDP",
            counters.templates_withdrawn,
        )?;
        writer.counter(
            "templates_defined",
            "Template records that defined or confirmed a template",
            counters.templates_defined,
        )?;
        self.records(writer)?;
        self.sequences(writer)?;
        writer.gauge("exporters", "Exporters known", self.report.exporters)?;
        writer.counter(
            "exporters_forgotten",
            "Exporters forgotten to make room",
            counters.exporters_forgotten,
        )?;
        self.sflow(writer)?;
        self.rules(writer)
    }

    /// What became of data records.
    fn records(&self, writer: &mut Writer) -> fmt::Result {
        let counters = &self.report.counters;
        writer.counter(
            "data_records",
            "Data records decoded, options records included",
            counters.data_records,
        )?;
        writer.counter("options_records", "Options data records decoded", counters.options_records)?;
        writer.counters(
            "options_records_by_kind",
            "Options data records by what they say; not_understood is used for nothing, not_kept found no room",
            Kind::ALL
                .iter()
                .zip(counters.options_by_kind)
                .map(|(kind, count)| ([("kind", kind.label())], count)),
        )?;
        writer.counter(
            "reverse_records",
            "Flow records that are the second half of a biflow",
            counters.reverse_records,
        )?;
        writer.counter(
            "empty_records",
            "Halves of biflows that carried nothing, left out",
            counters.empty_records,
        )?;
        writer.counter(
            "events",
            "Data records of firewall or NAT events without traffic: no flow records",
            counters.events,
        )?;
        writer.counter(
            "implausible_records",
            "Flow records left out because their bytes or packets are beyond what a link can carry",
            counters.implausible_records,
        )?;
        writer.counter(
            "zero_records",
            "Records of zeros at the end of data sets, left out",
            counters.zero_records,
        )?;
        writer.counter("flows", "Flow records decoded; a biflow counts as two", counters.traffic.flows)?;
        writer.counter(
            "flow_bytes",
            "Bytes that flow records report, not scaled by sampling",
            counters.traffic.bytes,
        )?;
        writer.counter(
            "flow_packets",
            "Packets that flow records report, not scaled by sampling",
            counters.traffic.packets,
        )?;
        writer.counter(
            "flow_scaled_bytes",
            "Bytes of flow records times their sampling interval where it is known",
            counters.traffic.scaled_bytes,
        )?;
        writer.counter(
            "flow_scaled_packets",
            "Packets of flow records times their sampling interval where it is known",
            counters.traffic.scaled_packets,
        )?;
        writer.counter(
            "flows_unknown_sampling",
            "Flow records whose sampling interval is unknown",
            counters.traffic.unknown_sampling,
        )?;
        writer.counter(
            "times_replaced",
            "Flow records whose times were unusable and replaced",
            counters.times_replaced,
        )
    }

    /// What sequence numbers tell.
    fn sequences(&self, writer: &mut Writer) -> fmt::Result {
        let counters = &self.report.counters;
        writer.counter("sequence_gaps", "Forward jumps of sequence numbers", counters.sequence_gaps)?;
        // These three are no counters: they fall when a datagram comes late or a template comes at last.
        let by_unit = |records, datagrams| {
            [("records", records), ("datagrams", datagrams)].map(|(unit, count)| ([("unit", unit)], count))
        };
        writer.gauges(
            "sequence_missing",
            "Missing by sequence numbers: flow records (v5, v7, IPFIX) and datagrams (v9, sFlow)",
            by_unit(counters.missing_records, counters.missing_datagrams),
        )?;
        writer.gauges(
            "sequence_stopped",
            "Sent while the process was stopped, by sequence numbers",
            by_unit(counters.stopped_records, counters.stopped_datagrams),
        )?;
        writer.gauge(
            "sequence_uncertain_records",
            "Records by sequence numbers that wait for a template, could not be decoded, or were lost",
            counters.uncertain_records,
        )?;
        writer.counter(
            "duplicate_datagrams",
            "Datagrams that came twice and were left out the second time",
            counters.duplicate_datagrams,
        )
    }

    fn sflow(&self, writer: &mut Writer) -> fmt::Result {
        let counters = &self.report.counters.sflow;
        writer.counter("sflow_samples", "Samples of sFlow in readable datagrams", counters.samples)?;
        let kinds = [
            ("flow", counters.flow_samples),
            ("counter", counters.counter_samples),
            ("discarded_packet", counters.discarded_packets),
            ("without_packet", counters.samples_without_packet),
            ("rate_limited", counters.rate_limited_samples),
            ("unknown", counters.unknown_samples),
        ];
        writer.counters(
            "sflow_samples_by_kind",
            "Samples of sFlow decoded, by kind; a flow sample is a flow record, unless it is implausible",
            kinds.map(|(kind, count)| ([("kind", kind)], count)),
        )?;
        let losses =
            [("flow", counters.flow_sample_losses), ("discarded_packet", counters.notification_losses)];
        // No counter: it falls when a datagram comes late.
        writer.gauges(
            "sflow_samples_missing",
            "Samples missing by the sequence numbers of their data sources, by kind",
            losses.map(|(kind, losses)| ([("kind", kind)], losses.missing)),
        )?;
        writer.counters(
            "sflow_samples_dropped",
            "Samples that agents dropped before they sent them, as they say, by kind",
            losses.map(|(kind, losses)| ([("kind", kind)], losses.dropped)),
        )?;
        writer.gauge("sflow_data_sources", "Data sources of sFlow agents followed", counters.data_sources)?;
        writer.counter(
            "sflow_samples_not_followed",
            "Samples of data sources that are not followed for the limit, whose losses are not seen",
            counters.samples_not_followed,
        )
    }

    /// What the operator's rules left out.
    fn rules(&self, writer: &mut Writer) -> fmt::Result {
        let counters = &self.report.counters;
        writer.counter(
            "datagrams_not_admitted",
            "Datagrams refused because their source is not in admission.networks",
            counters.datagrams_not_admitted,
        )?;
        writer.counter(
            "not_admitted_replaced",
            "Sources no longer listed as seen and not admitted, because others took their place",
            counters.not_admitted_replaced,
        )?;
        writer.counter(
            "rate_limited_sets",
            "Data sets skipped because their exporter was over admission.flow_records_per_second",
            counters.rate_limited_sets,
        )?;
        writer.counter(
            "rate_limited_records",
            "Data records in skipped sets, by their length",
            counters.rate_limited_records,
        )?;
        writer.counter(
            "duplicate_flows",
            "Flow records dropped by a count_once rule",
            counters.duplicate_flows.flows,
        )?;
        writer.counter(
            "duplicate_flow_bytes",
            "Bytes that dropped flow records report, not scaled by sampling",
            counters.duplicate_flows.bytes,
        )?;
        writer.counter(
            "duplicate_flow_packets",
            "Packets that dropped flow records report, not scaled by sampling",
            counters.duplicate_flows.packets,
        )?;
        writer.counter(
            "deduplication_evictions",
            "Flows whose owner was forgotten too early, so that they may be counted twice",
            counters.deduplication_evictions,
        )
    }

    fn listeners(&self, writer: &mut Writer) -> fmt::Result {
        let label = |listener: &Listener| [("address", listener.address.to_string())];
        let listeners = &self.report.listeners;
        writer.counters(
            "listener_datagrams",
            "Datagrams read at a listening address",
            listeners.iter().map(|listener| (label(listener), listener.datagrams)),
        )?;
        writer.counters(
            "listener_kernel_drops",
            "Datagrams that the kernel dropped because the receive buffer was full",
            listeners.iter().map(|listener| (label(listener), listener.kernel_drops)),
        )?;
        writer.gauges(
            "listener_receive_buffer_bytes",
            "Receive buffer granted by the kernel",
            listeners.iter().map(|listener| (label(listener), listener.receive_buffer_bytes)),
        )?;
        writer.gauges(
            "listener_receive_buffer_used_bytes",
            "Receive buffer in use",
            listeners.iter().map(|listener| (label(listener), listener.receive_buffer_used_bytes)),
        )
    }

    fn exporters(&self, writer: &mut Writer) -> fmt::Result {
        let by_exporter = |count: fn(&ExporterSnapshot) -> u64| by_address(&self.exporters, count);
        writer.counters(
            "exporter_datagrams",
            "Datagrams of an exporter",
            by_exporter(|exporter| exporter.summary().datagrams),
        )?;
        writer.counters(
            "exporter_flows",
            "Flow records of an exporter",
            by_exporter(|exporter| exporter.summary().traffic.flows),
        )?;
        writer.counters(
            "exporter_flows_unknown_sampling",
            "Flow records of an exporter whose sampling interval is unknown",
            by_exporter(|exporter| exporter.summary().traffic.unknown_sampling),
        )?;
        writer.counters(
            "exporter_sequence_gaps",
            "Times that a sequence number of an exporter jumped forward",
            by_exporter(|exporter| exporter.summary().sequence_gaps),
        )?;
        writer.gauges(
            "exporter_sequence_missing",
            "Units missing by sequence numbers: flow records for v5, v7 and IPFIX, datagrams for v9 and sFlow",
            by_exporter(|exporter| exporter.summary().sequence_missing),
        )?;
        writer.gauges(
            "exporter_sequence_stopped",
            "Units sent while the process was stopped, by sequence numbers",
            by_exporter(|exporter| exporter.summary().sequence_stopped),
        )?;
        writer.gauges(
            "exporter_sequence_uncertain",
            "Records by sequence numbers that wait for a template, could not be decoded, or were lost",
            by_exporter(|exporter| exporter.summary().sequence_uncertain),
        )?;
        writer.counters(
            "exporter_duplicate_datagrams",
            "Datagrams that came twice and were left out the second time",
            by_exporter(|exporter| exporter.summary().duplicate_datagrams),
        )?;
        writer.counters(
            "exporter_times_replaced",
            "Flow records whose times were unusable and replaced",
            by_exporter(|exporter| exporter.summary().times_replaced),
        )?;
        let mut discarded = BTreeMap::new();
        for exporter in self.exporters.iter().map(ExporterSnapshot::summary) {
            for (reason, count) in &exporter.samples.discarded {
                *discarded.entry((exporter.address, reason)).or_default() += count;
            }
        }
        let discarded = discarded.into_iter().map(|((address, reason), count)| {
            ([("exporter", address.to_string()), ("reason", reason.clone())], count)
        });
        writer.counters(
            "exporter_discarded_packets",
            "Packets that an sFlow agent said were discarded, by reason",
            discarded,
        )?;
        writer.counters(
            "exporter_rate_limited_records",
            "Data records skipped because the exporter was over its limit",
            by_exporter(|exporter| exporter.summary().rate_limited_records),
        )?;
        writer.counters(
            "exporter_duplicate_flows",
            "Flow records of an exporter dropped by a count_once rule",
            by_exporter(|exporter| exporter.summary().duplicate_flows.flows),
        )?;
        writer.gauges(
            "exporter_sets_waiting",
            "Data sets that wait for their template",
            by_exporter(|exporter| exporter.summary().sets_waiting),
        )?;
        writer.gauges(
            "exporter_templates",
            "Templates known",
            by_exporter(|exporter| exporter.template_count() as u64),
        )
    }

    fn live(&self, writer: &mut Writer) -> fmt::Result {
        let live = self.hub.metrics();
        writer.counter("live_flows", "Flow records taken by the live feed", live.flows())?;
        writer.counter(
            "live_dropped",
            "Flow records that the live feed could not take because its queue was full",
            self.report.live_dropped,
        )?;
        writer.gauge("live_clients", "Clients of the live stream now", live.clients())?;
        writer.gauge("live_views", "Different subscriptions now", live.views())?;
        writer.gauge(
            "live_spacing_microseconds",
            "Least time between two frames of one client now",
            live.spacing_us(),
        )?;
        writer.counter("live_batches", "Batches taken by the live feed", live.batches())?;
        writer.counter(
            "live_tops_overflow",
            "Flows missing in a list of tops because it had too many entries",
            live.tops_overflow(),
        )?;
        writer.counter("live_frames", "Frames written to clients", live.frames())?;
        writer.counter("live_sent_bytes", "Message bytes written to clients", live.bytes())?;
        writer.counters(
            "live_snapshots",
            "Snapshots written to clients, by reason",
            [
                ("subscribed", SnapshotReason::Subscribed),
                ("skipped", SnapshotReason::Skipped),
                ("resumed", SnapshotReason::Resumed),
            ]
            .map(|(label, reason)| ([("reason", label)], live.snapshots(reason))),
        )?;
        writer.counters(
            "live_closed",
            "Connections of the live stream closed by the server, by reason",
            [("stalled", live.stalled()), ("silent", live.silent())]
                .map(|(label, count)| ([("reason", label)], count)),
        )?;
        writer.counters(
            "live_refused",
            "Connections and requests of the live stream refused, by reason",
            [
                ("origin", live.refused_origin()),
                ("full", live.refused_full()),
                ("request", live.refused_requests()),
            ]
            .map(|(label, count)| ([("reason", label)], count)),
        )?;
        self.latency(writer)
    }

    fn latency(&self, writer: &mut Writer) -> fmt::Result {
        let latency = self.hub.metrics().latency();
        let counts = latency.counts();
        let bounds = UPPER_BOUNDS_US.iter().map(|&bound| f64::from(bound) / 1e6).chain([f64::MAX]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        #[expect(clippy::cast_precision_loss, reason = "a sum of latencies needs no more than 53 bits")]
        let sum_s = latency.sum_us() as f64 / 1e6;
        writer
            .0
            .encode_descriptor(
                "live_latency_seconds",
                "From the kernel's receive time of a frame's oldest datagram to the end of its write to a client",
                None,
                MetricType::Histogram,
            )?
            .encode_histogram::<NoLabelSet>(sum_s, counts.iter().sum(), &buckets, None)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::server::collector::intake::{Intake, Limits};

    #[test]
    fn an_agent_that_several_workers_know_is_one_series() {
        let mut intakes = Intake::for_workers(Limits::default(), &Arc::default(), 2);
        // sFlow v5 of agent 192.0.2.7: no sub-agent, number 1, uptime 1, no samples.
        let datagram: Vec<u8> =
            [5_u32, 1, 0xc000_0207, 0, 1, 1, 0].into_iter().flat_map(u32::to_be_bytes).collect();
        let mut exporters = Vec::new();
        for (intake, last) in intakes.iter_mut().zip(1..) {
            let relay = SocketAddr::from(([198, 51, 100, last], 6343));
            intake.datagram(relay, 1_790_000_000_000_000, &datagram, &mut Vec::new());
            exporters.extend(intake.exporter_snapshots());
        }
        let series: Vec<_> = by_address(&exporters, |exporter| exporter.summary().datagrams).collect();
        assert_eq!(series, [([("exporter", "192.0.2.7".to_owned())], 2)]);
    }
}
