//! What the operator decided about what comes, from the configuration. Never changes while the process runs.

use std::num::NonZeroU32;

use super::admission::Admission;
use super::deduplication::CountOnce;
use super::quirks::Quirk;
use super::sampling::SamplingRule;
use crate::model::network::Network;
use crate::server::wire::sampled_header::Decapsulation;

/// The operator's decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// What is known of exporters that their records do not tell.
    pub quirks: Vec<Quirk>,
    /// Sampling intervals of exporters; the first that fits counts.
    pub sampling: Vec<SamplingRule>,
    /// Tunnels in sampled packets that are looked into (sFlow).
    pub decapsulation: Decapsulation,
    /// Whose datagrams are taken.
    pub admission: Admission,
    /// Flow records that one exporter may send in a second, a biflow counted as one; `None` is no limit.
    pub rate_limit: Option<NonZeroU32>,
    /// What is counted once that is reported more than once.
    pub count_once: Vec<CountOnce>,
}

impl Rules {
    /// What they come to, a line each, for `meridian check`.
    pub fn summary(&self) -> Vec<String> {
        let list =
            |networks: &[Network]| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let mut lines = Vec::new();
        if !self.admission.networks().is_empty() {
            lines.push(format!("admitted             {}", list(self.admission.networks())));
        }
        if let Some(limit) = self.rate_limit {
            lines.push(format!("limit per exporter   {limit} flow records per second"));
        }
        let rules = self.count_once.iter();
        lines.extend(rules.map(|rule| {
            format!("counted once         {}: {}, by {}", rule.name, list(&rule.exporters), rule.by.name())
        }));
        lines.extend(self.sampling.iter().map(|rule| format!("sampling             {rule}")));
        lines.extend(self.quirks.iter().map(|quirk| {
            format!("23 and 24 count      {} of {}", quirk.out_counters.name(), list(&quirk.exporters))
        }));
        let Decapsulation { gre, vxlan, ipip } = self.decapsulation;
        let tunnels = [("gre", gre), ("vxlan", vxlan), ("ipip", ipip)];
        let named: Vec<_> = tunnels.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
        if !named.is_empty() {
            lines.push(format!("looked into          {}", named.join(", ")));
        }
        lines
    }

    /// Networks whose exporters one collecting thread has to handle: those of rules that compare exporters.
    pub fn pinned_networks(&self) -> Vec<Network> {
        let groups = self.count_once.iter().filter(|rule| rule.is_group());
        groups.flat_map(|rule| rule.exporters.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::server::config::file::ConfigFile;

    #[test]
    fn every_rule_of_the_operator_is_in_the_summary() {
        let text = r#"
            quirks = [{ exporters = ["192.0.2.1"], out_counters = "reverse" }]
            sampling = [{ exporters = ["192.0.2.2"], interval = 100 }]
            count_once = [{ name = "core", exporters = ["192.0.2.3"], by = "ingress" }]
            sflow = { decapsulate = ["vxlan"] }
            admission = { networks = ["192.0.2.0/24"], flow_records_per_second = 7 }
        "#;
        let summary =
            ConfigFile::parse(text, Path::new("meridian.toml")).unwrap().rules().summary().join("\n");
        let said = [
            "reverse of 192.0.2.1",
            "1 in 100 for 192.0.2.2",
            "core: 192.0.2.3",
            "vxlan",
            "192.0.2.0/24",
            "7 flow",
        ];
        for said in said {
            assert!(summary.contains(said), "{said}: {summary}");
        }
    }
}
