//! Bytes from the network to typed values, and back: NetFlow v1, v5, v7, v9 (RFC 3954), IPFIX (RFC 7011),
//! sFlow v5.
//!
//! Contract: no input makes this module panic, loop without progress, or allocate by a number that the
//! input states. What cannot be read is an [`error::Error`] with an absolute offset and a closed
//! [`error::Reason`]; one unreadable set (sample of sFlow) costs that set, not the message. A template is
//! compiled once
//! ([`plan::Plan`]), a data record then goes through it without allocation.
//!
//! Nothing here keeps clocks, counts or sockets: that is `collector`.

pub mod encode;
pub mod error;
pub mod information_element;
pub mod ipfix;
pub mod ipfix_framing;
pub mod netflow_v1;
pub mod netflow_v5;
pub mod netflow_v7;
pub mod netflow_v9;
pub mod options_plan;
pub mod out_counters;
pub mod plan;
pub mod reader;
pub mod sampled_header;
pub mod set;
pub mod sflow_v5;
pub mod slot;
pub mod template;
pub mod template_cache;
pub mod transport_session;
