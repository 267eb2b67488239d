//! What the options records of every exporter in the captures and the corpus come to, as a table.

use meridian::model::flow_record::SamplingSource::{self, Options, Record, Unknown};
use meridian::server::collector::options::Kind as Said;

use super::*;

/// What was learned from the options records of a case: samplers in full, the first of many names.
fn learned(intake: &Intake) -> Vec<String> {
    let mut lines = Vec::new();
    for exporter in intake.exporters() {
        for sampler in &exporter.samplers {
            let of = match (sampler.selector, sampler.interface) {
                (Some(selector), _) => format!("selector {selector}"),
                (None, Some(interface)) => format!("interface {interface}"),
                (None, None) => "all".to_owned(),
            };
            let how = sampler.algorithm.name();
            let line = format!("{} {of}: 1 in {} {how}", sampler.observation_domain, sampler.interval);
            lines.push(line.trim_end().to_owned());
        }
        if let Some(first) = exporter.interfaces.first() {
            let (domain, count) = (first.observation_domain, exporter.interface_names);
            let name = format!("{}|{}", first.name, first.description);
            lines.push(format!("{domain} {count} interfaces: {} {name}", first.index));
        }
        for (number, domain) in &intake.options(exporter.address).unwrap().domains {
            lines.extend(domain.system_init_ms.map(|init_ms| format!("{number} init {init_ms}")));
            if let Some((id, name)) = domain.applications.first_key_value() {
                let (engine, selector) = (id >> 56, id & (u64::MAX >> 8));
                let count = domain.applications.len();
                lines.push(format!("{number} {count} applications: {engine}:{selector} {name}"));
            }
        }
    }
    let by_kind = Said::ALL.iter().zip(intake.counters().options_by_kind).filter(|(_, count)| *count > 0);
    lines.extend(by_kind.map(|(kind, count)| format!("{count} {}", kind.label())));
    lines
}

/// Sampling interval of all flows of a case and who said it, and what [`learned`] says.
type Expected = (u32, SamplingSource, &'static [&'static str]);

/// Cases without options records have flows whose sampling nobody knows, but for one whose headers say it.
fn expected(name: &str) -> Expected {
    match name {
        "softflowd/soft_v10" => (
            1,
            Options,
            &[
                "0 all: 1 in 1 systematic",
                "0 1 interfaces: 0 mix.pcap|",
                "0 init 1795415019955",
                "1 sampling",
            ],
        ),
        "softflowd/soft_v10_bi" => (
            1,
            Options,
            &[
                "0 all: 1 in 1 systematic",
                "0 1 interfaces: 0 mix.pcap|",
                "0 init 1795415022586",
                "1 sampling",
            ],
        ),
        "softflowd/soft_v10_full" => (
            1,
            Options,
            &[
                "0 all: 1 in 1 systematic",
                "0 1 interfaces: 0 mix.pcap|",
                "0 init 1795415035663",
                "1 sampling",
            ],
        ),
        "softflowd/soft_v10_s" => (
            10,
            Options,
            &[
                "0 all: 1 in 10 systematic",
                "0 1 interfaces: 0 mix.pcap|",
                "0 init 1795415038256",
                "1 sampling",
            ],
        ),
        "softflowd/soft_v9" | "softflowd/soft_v9_full" | "softflowd/soft_v9_vlan" => {
            (1, Options, &["0 all: 1 in 1 systematic", "0 1 interfaces: 0 mix.pcap|", "1 sampling"])
        }
        "graylog/netflow9" | "logstash/Netflow_9_invalid_01" => {
            (100, Options, &["0 all: 1 in 100 systematic", "1 sampling"])
        }
        "logstash/IPFIX" => (1, Options, &["0 all: 1 in 1 systematic", "0 init 1431516013506", "1 sampling"]),
        "logstash/IPFIX_options_template_from_Juniper_MX240_JunOS_15_1_R6_S3" => {
            (0, Unknown, &["524288 all: 1 in 1000", "524288 init 1262761598000", "1 sampling"])
        }
        "logstash/Netflow5_Juniper_MX80" => (1000, Record, &[]),
        "logstash/IPFIX_YAF_basic_with_applabel" => (0, Unknown, &["0 init 1482670712000", "1 system_init"]),
        "telegraf/ipfix_example" => {
            (0, Unknown, &["0 init 1666725027000", "1 system_init", "1 not_understood"])
        }
        "logstash/Netflow_9_Cisco_ASR_9000_series_options_template_256" => {
            (0, Unknown, &["2177 19 interfaces: 54 |GigabitEthernet0_0_0_0", "19 interface"])
        }
        "telegraf/netflow_v9_options" => {
            (0, Unknown, &["6 8 interfaces: 1 Te0/0/0|TenGigabitEthernet0/0/0", "8 interface"])
        }
        "logstash/Netflow_9_Cisco_NBAR_options_template_260" => {
            (0, Unknown, &["0 15 applications: 1:0 hopopt", "15 application"])
        }
        "telegraf/ipfix_options" => (0, Unknown, &["6 126 applications: 1:0 hopopt", "126 application"]),
        // Statistics of the exporting process.
        "graylog/nprobe-netflow9-3" => (0, Unknown, &["6 not_understood"]),
        "graylog/nprobe-netflow9-2"
        | "logstash/Netflow_9_macaddress"
        | "logstash/Netflow_9_multiple_netflow_exporters"
        | "logstash/Netflow_9_options_template_with_scope_fields" => (0, Unknown, &["1 not_understood"]),
        _ => (0, Unknown, &[]),
    }
}

#[test]
fn options_records_say_of_every_exporter_what_its_flows_were_sampled_by_and_its_names() {
    for (name, datagrams) in all_cases() {
        let (flows, intake) = decoded(&datagrams);
        let (interval, source, lines) = expected(&name);
        assert_eq!(learned(&intake), lines, "{name}");
        if intake.exporters().iter().any(|exporter| exporter.protocols.contains(&Protocol::SflowV5)) {
            // Each sample says its own.
            let of_sample = |flow: &FlowRecord| flow.sampling_source == Record || flow.sampling_interval == 0;
            assert!(flows.iter().all(of_sample), "{name}");
            continue;
        }
        let said = |flow: &FlowRecord| (flow.sampling_interval, flow.sampling_source);
        let other = flows.iter().map(said).find(|said| *said != (interval, source));
        assert_eq!(other, None, "{name}: not 1 in {interval} by {source:?}");
        let traffic = intake.counters().traffic;
        let scale = u64::from(interval.max(1));
        assert_eq!(traffic.scaled_bytes, traffic.bytes * scale, "{name}");
        assert_eq!(traffic.scaled_packets, traffic.packets * scale, "{name}");
        assert_eq!(traffic.unknown_sampling, if interval == 0 { traffic.flows } else { 0 }, "{name}");
    }
}
