//! What exporters say in options records, as pages and the API show it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most samplers, interfaces and VRFs that are shown of one exporter.
pub const SHOWN_ENTRIES: usize = 256;

/// How packets are selected (304, 35, 49).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamplingAlgorithm {
    /// The exporter does not say, or says a number that nobody defined.
    #[default]
    Unknown,
    /// Every n-th packet.
    Systematic,
    /// By time.
    SystematicTime,
    /// n out of N packets, at random.
    Random,
    /// Each packet with the same probability.
    Probabilistic,
    /// By what is in the packet: a property or a hash.
    Filter,
}

impl SamplingAlgorithm {
    /// A word for people; empty when unknown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Systematic => "systematic",
            Self::SystematicTime => "by time",
            Self::Random => "random",
            Self::Probabilistic => "probabilistic",
            Self::Filter => "by content",
        }
    }
}

/// What an exporter says of the sampling of some of its flows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sampler {
    /// Observation domain (IPFIX) or source id (v9) that it is about.
    pub observation_domain: u32,
    /// Its id, where data records name it (302, 48).
    pub selector: Option<u64>,
    /// The interface that it samples; `None` with a selector, or when it is about the whole domain.
    pub interface: Option<u32>,
    /// Its name (84, 335), may be empty.
    pub name: String,
    /// Sampling interval, 1 in n; 1 when not sampled, 0 when the exporter does not say.
    pub interval: u32,
    /// How it selects.
    pub algorithm: SamplingAlgorithm,
}

/// The name of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InterfaceName {
    /// Observation domain (IPFIX) or source id (v9).
    pub observation_domain: u32,
    /// SNMP index, as in flow records; 0 for the interface of an exporter that numbers none.
    pub index: u32,
    /// Short name (82), may be empty.
    pub name: String,
    /// Description (83), may be empty.
    pub description: String,
}

/// The name of a VRF.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VrfName {
    /// Observation domain (IPFIX) or source id (v9).
    pub observation_domain: u32,
    /// Its id (234, 235).
    pub id: u32,
    /// Its name (236).
    pub name: String,
}
