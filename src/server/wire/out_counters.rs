//! What the counters 23 and 24 are beside 1 and 2.
//!
//! RFC 3954 calls them "outgoing" and says no more. Most exporters mean the same packets after they were
//! treated: `FortiGate` repeats 1 and 2 there, `ng_netflow` sends zeros, others fill 23 and 24 instead of 1
//! and 2 for what was seen going out. Cisco Meraki and nProbe mean the packets that went back. IPFIX knows
//! the first meaning only (`postOctetDeltaCount`).

use serde::Deserialize;

use super::template::Field;

/// How the counters 23 and 24 are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutCounters {
    /// By the shape of the template: see [`Self::are_reverse`].
    #[default]
    Automatic,
    /// Of the same packets: they stand in where 1 and 2 are 0.
    Post,
    /// Of the packets that went back: the record is a biflow.
    Reverse,
}

impl OutCounters {
    /// As it is written in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Post => "post",
            Self::Reverse => "reverse",
        }
    }

    /// True when 23 and 24 of a template with these fields count what went back.
    ///
    /// Meraki's records have 1, 2, 23 and 24, and neither a direction (61) nor any time. Exporters of one
    /// direction state at least one of the two; nProbe states times, and has to be configured.
    pub fn are_reverse(self, fields: &[Field]) -> bool {
        match self {
            Self::Post => false,
            Self::Reverse => true,
            Self::Automatic => {
                let mut elements =
                    fields.iter().filter(|field| field.enterprise == 0).map(|field| field.element);
                let has = |element| elements.clone().any(|other| other == element);
                [1, 2, 23, 24].into_iter().all(has)
                    && !elements.any(|element| matches!(element, 21 | 22 | 61 | 150..=161 | 322..=325))
            }
        }
    }
}
