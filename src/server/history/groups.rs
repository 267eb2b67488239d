//! Sums by group, as the tiers give them.

use std::net::IpAddr;

use super::address_set::AddressSet;
use crate::model::network::Network;
use crate::model::place::CountryCode;
use crate::model::traffic::{Direction, Traffic};

/// A value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Of a country; `None` when no database knows it.
    Country(Option<CountryCode>),
    /// Of a city: its name and its country. The name is empty when only the country, or nothing, is known.
    City(String, Option<CountryCode>),
    /// Of a port, AS number, interface, protocol, TCP flags, type of service, VLAN.
    Number(u64),
    /// Of an address or an exporter.
    Address(IpAddr),
    /// Of a network.
    Network(Network),
    /// Of a service.
    Service {
        /// The smaller of the two ports; 0 for none.
        port: u16,
        /// IP protocol number.
        protocol: u8,
    },
    /// Of a direction.
    Direction(Direction),
}

/// What one group had in one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The values, in the order of the request's dimensions.
    pub values: Vec<Value>,
    /// Where the step begins, milliseconds since 1970; where the range begins in a request without steps.
    pub step_ms: i64,
    /// The traffic.
    pub traffic: Traffic,
    /// The outside addresses, if they were asked for.
    pub addresses: Option<AddressSet>,
}

/// The answer to a request.
///
/// By a dimension of the outside or the home end, a flow with two such ends is in both groups, once if they are equal;
/// a flow without such an end is in no group. The totals have every flow that passed, once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// The groups, in no order; each pair of values and step once.
    pub groups: Vec<Group>,
    /// How many groups there are, which is more than `groups` has when only the most were asked for.
    pub count: u64,
    /// All flows that passed: one entry without values for each step that had any.
    pub totals: Vec<Group>,
    /// True when some groups were not kept one by one (or a file is damaged), so that figures may be too low.
    pub is_partial: bool,
}
