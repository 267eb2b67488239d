//! The sampling interval of each flow record, and who said it.
//!
//! What counts, first to last: an override of the operator; the record's own interval (34, 50, 305 and 306,
//! 309 and 310, or the header of v5); options records, by the selector that the record names (302, 48), by
//! the interface it was metered at, by its observation domain, and in IPFIX by domain 0, which stands for
//! the whole exporter (RFC 7011 §3.1); a default of the operator. An interval of 0 is no answer anywhere. A
//! template without selectors is joined to the sampler of its domain, if that has just one.

use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;

use crate::model::exporter::Protocol;
use crate::model::flow_record::{FlowRecord, SamplingSource};
use crate::model::network::Network;
use crate::model::options::SamplingAlgorithm;
use crate::server::wire::options_plan::{Number, OptionsRecord};
use crate::server::wire::plan::Plan;
use crate::server::wire::slot::{Slot, Values};

use super::options::{Domain, Options};
use super::plausibility::is_plausible;

#[cfg(test)]
mod tests;

/// An interval that the operator gives to exporters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingRule {
    /// Addresses or networks of exporters.
    pub exporters: Vec<Network>,
    /// Observation domain (IPFIX), source id (v9) or engine type × 256 + id (v5). Default: all.
    pub observation_domain: Option<u32>,
    /// Sampling interval, 1 in n; 1 when they do not sample.
    pub interval: u32,
    /// `default` (where the exporter does not say) or `override` (always). Default `default`.
    #[serde(default, rename = "use")]
    pub precedence: Precedence,
}

/// When an operator's interval applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precedence {
    /// Where the exporter does not say.
    #[default]
    Default,
    /// Always.
    Override,
}

impl SamplingRule {
    /// Says what is wrong with the rule.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.exporters.is_empty() {
            return Err("this sampling rule is for no exporter: list addresses or networks in \
                        `exporters`, like \"192.0.2.1\" or \"192.0.2.0/24\", or \"0.0.0.0/0\" for all of IPv4");
        }
        if self.interval == 0 {
            return Err("an interval of 0 says nothing: write how many packets one sampled packet stands \
                        for, like 1000, or 1 for exporters that do not sample");
        }
        Ok(())
    }

    fn is_for(&self, exporter: IpAddr, observation_domain: u32) -> bool {
        self.observation_domain.is_none_or(|domain| domain == observation_domain)
            && self.exporters.iter().any(|network| network.contains(exporter))
    }
}

impl fmt::Display for SamplingRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exporters: Vec<_> = self.exporters.iter().map(ToString::to_string).collect();
        write!(formatter, "1 in {} for {}", self.interval, exporters.join(", "))?;
        if let Some(domain) = self.observation_domain {
            write!(formatter, ", domain {domain}")?;
        }
        formatter.write_str(match self.precedence {
            Precedence::Default => ", where they do not say",
            Precedence::Override => ", whatever they say",
        })
    }
}

/// What is known about the sampling of one data set, or of one v5 datagram.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sampling<'a> {
    rule: Option<&'a SamplingRule>,
    own: Option<&'a Domain>,
    common: Option<&'a Domain>,
    /// What options records say, 0 for nothing, where it is the same for every record of the data set.
    alike: Option<u32>,
}

impl<'a> Sampling<'a> {
    /// What the operator says; the first rule that fits.
    pub fn configured(rules: &'a [SamplingRule], exporter: IpAddr, observation_domain: u32) -> Self {
        let rule = rules.iter().find(|rule| rule.is_for(exporter, observation_domain));
        Self { rule, own: None, common: None, alike: Some(0) }
    }

    /// Adds what the exporter's options records say about data sets of a template.
    #[must_use]
    pub fn with_options(
        self,
        options: &'a Options,
        protocol: Protocol,
        observation_domain: u32,
        plan: &Plan,
    ) -> Self {
        let domain = |number| options.domain(number).filter(|domain| domain.has_samplers());
        let common = if protocol == Protocol::Ipfix && observation_domain != 0 { domain(0) } else { None };
        let own = domain(observation_domain);
        let has_selector = plan.has(Slot::SelectorId);
        let is_alike = |domain: Option<&Domain>| domain.is_none_or(|domain| domain.is_alike(has_selector));
        let said = |domain: &Domain| domain.interval(None, 0);
        let alike = (is_alike(own) && is_alike(common))
            .then(|| own.and_then(said).or_else(|| common.and_then(said)).unwrap_or(0));
        Self { own, common, alike, ..self }
    }

    /// True when only the records themselves can say: then there is nothing to apply.
    pub const fn is_silent(&self) -> bool {
        self.rule.is_none() && self.own.is_none() && self.common.is_none()
    }

    /// Applies it to the flow records made of one data record, which hold the record's own interval.
    #[inline]
    pub fn apply(&self, plan: &Plan, values: &Values, flows: &mut [FlowRecord]) {
        let Some(own) = flows.first().map(|flow| flow.sampling_interval) else { return };
        let by_options = || match self.alike {
            Some(interval) => Some(interval).filter(|&interval| interval != 0),
            None => self.by_options(plan, values),
        };
        let (interval, source) = self.resolve(own, by_options);
        for flow in flows {
            let own = (flow.sampling_interval, flow.sampling_source);
            (flow.sampling_interval, flow.sampling_source) = (interval, source);
            // An interval that no link could live up to is not believed.
            if !is_plausible(flow) {
                (flow.sampling_interval, flow.sampling_source) = own;
            }
        }
    }

    /// The interval of what states its own one, 0 if it does not, and has no options: v5, sFlow.
    pub fn of_own(&self, own: u32) -> (u32, SamplingSource) {
        self.resolve(own, || None)
    }

    #[inline]
    fn resolve(&self, own: u32, by_options: impl FnOnce() -> Option<u32>) -> (u32, SamplingSource) {
        let configured =
            |precedence| self.rule.filter(|rule| rule.precedence == precedence).map(|rule| rule.interval);
        if let Some(interval) = configured(Precedence::Override) {
            return (interval, SamplingSource::Configured);
        }
        if own != 0 {
            return (own, SamplingSource::Record);
        }
        if let Some(interval) = by_options() {
            return (interval, SamplingSource::Options);
        }
        configured(Precedence::Default)
            .map_or((0, SamplingSource::Unknown), |interval| (interval, SamplingSource::Configured))
    }

    fn by_options(&self, plan: &Plan, values: &Values) -> Option<u32> {
        let selector = plan.has(Slot::SelectorId).then(|| values.value(Slot::SelectorId));
        let is_egress = values.value(Slot::FlowDirection) == 1;
        let metered_at = if is_egress { Slot::OutputInterface } else { Slot::InputInterface };
        let interface = u32::try_from(values.value(metered_at)).unwrap_or(0);
        let said = |domain: &Domain| domain.interval(selector, interface);
        self.own.and_then(said).or_else(|| self.common.and_then(said))
    }
}

impl Domain {
    /// True when something is said about sampling.
    pub fn has_samplers(&self) -> bool {
        !self.by_selector.is_empty() || !self.by_interface.is_empty()
    }

    /// True when neither selector nor interface of a flow record matters.
    fn is_alike(&self, has_selector: bool) -> bool {
        !has_selector && self.by_interface.keys().all(|&interface| interface == 0)
    }

    /// The interval of a flow record that names a selector (`None`: its template has none) and was metered at
    /// an interface.
    fn interval(&self, selector: Option<u64>, interface: u32) -> Option<u32> {
        let only = || {
            let is_only = selector.is_none() && self.by_selector.len() == 1 && self.by_interface.is_empty();
            let sampler = self.by_selector.values().next().filter(|_| is_only)?;
            Some(sampler.interval).filter(|interval| *interval != 0)
        };
        selector
            .and_then(|id| self.intervals.of_selector(id))
            .or_else(|| self.intervals.of_interface(interface))
            .or_else(|| self.intervals.of_interface(0))
            .or_else(only)
    }
}

/// What an options record says about sampling: an interval, 0 for one that makes no sense. `None` when it
/// has no field about it, or is about a part of the domain that flow records do not name.
pub fn said(record: &OptionsRecord<'_>) -> Option<u32> {
    if record.number(Number::Part).is_some() {
        return None;
    }
    let number = |number| record.number(number);
    let interval = number(Number::Interval).map(narrow);
    // Without the space (306) nobody knows what the packets in a row (305) are sampled from.
    let by_count = number(Number::PacketInterval).map(|sampled| {
        let space = number(Number::PacketSpace);
        space.map_or(0, |space| one_in(sampled.saturating_add(space), sampled))
    });
    let by_size = number(Number::Size).zip(number(Number::Population)).map(|(size, of)| one_in(of, size));
    let by_probability = number(Number::Probability).map(|bits| one_in_of_probability(f64::from_bits(bits)));
    let all = [interval, by_count, by_size, by_probability];
    all.into_iter().flatten().reduce(|first, other| if first == 0 { other } else { first })
}

/// The interval when `sampled` of `population` packets are sampled, rounded; 0 when that makes no sense.
#[inline]
pub fn one_in(population: u64, sampled: u64) -> u32 {
    if sampled > population {
        return 0;
    }
    let rounded = population.saturating_add(sampled / 2).checked_div(sampled);
    rounded.map_or(0, narrow)
}

fn one_in_of_probability(probability: f64) -> u32 {
    /// Packets that a probability is taken of: enough for the smallest that gives a 32-bit interval.
    const POPULATION: f64 = 1e15;
    if !(probability > 0.0 && probability <= 1.0) {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the population, which is an integer"
    )]
    let sampled = (probability * POPULATION).round() as u64;
    one_in(1_000_000_000_000_000, sampled)
}

/// How a sampler selects, by IANA's registry (304), else by the mode of v9 (35, 49).
pub fn algorithm(record: &OptionsRecord<'_>) -> SamplingAlgorithm {
    match (record.number(Number::Algorithm), record.number(Number::Mode)) {
        (Some(1), _) | (None, Some(1)) => SamplingAlgorithm::Systematic,
        (Some(2), _) => SamplingAlgorithm::SystematicTime,
        (Some(3), _) | (None, Some(2)) => SamplingAlgorithm::Random,
        (Some(4), _) => SamplingAlgorithm::Probabilistic,
        (Some(5..=8), _) => SamplingAlgorithm::Filter,
        _ => SamplingAlgorithm::Unknown,
    }
}

fn narrow(interval: u64) -> u32 {
    u32::try_from(interval).unwrap_or(u32::MAX)
}
