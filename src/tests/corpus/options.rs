//! What the options records of every exporter in the captures and the corpus come to, as a table.

use super::*;
use meridian::server::collector::options::Kind;

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
            lines.push(format!("{} {of}: 1 in {} {how}", sampler.observation_domain, sampler.interval));
        }
        if let Some(first) = exporter.interfaces.first() {
            let (domain, count) = (first.observation_domain, exporter.interface_names);
            lines.push(format!("{domain} {count} interfaces: {} {}|{}", first.index, first.name, first.description));
        }
        let options = intake.options(exporter.address).unwrap();
        for (number, domain) in &options.domains {
            lines.extend(domain.system_init_ms.map(|init_ms| format!("{number} init {init_ms}")));
            if let Some((id, name)) = domain.applications.first_key_value() {
                let (engine, selector) = (id >> 56, id & (u64::MAX >> 8));
                let count = domain.applications.len();
                lines.push(format!("{number} {count} applications: {engine}:{selector} {name}"));
            }
        }
    }
    let by_kind = Kind::ALL.iter().zip(intake.counters().options_by_kind).filter(|(_, count)| *count > 0);
    lines.extend(by_kind.map(|(kind, count)| format!("{count} {}", kind.label())));
    lines
}

#[test]
fn print() {
    for (name, datagrams) in all_cases() {
        let (flows, intake) = decoded(&datagrams);
        let lines = learned(&intake);
        let mut by: std::collections::BTreeMap<(u32, String), u64> = Default::default();
        for f in &flows { *by.entry((f.sampling_interval, format!("{:?}", f.sampling_source))).or_default() += 1; }
        println!("{name}: {lines:?} {by:?}");
    }
}
