//! Plain data that the server and the browser both know.
//!
//! Nothing here does input or output, reads a clock or depends on a framework. Every type can cross the
//! network: its JSON field names are part of the stable API.

pub mod admission;
pub mod countries;
pub mod double_counting;
pub mod exporter;
pub mod filter;
pub mod filter_shelf;
pub mod filter_terms;
pub mod flow_record;
pub mod frame;
pub mod history;
pub mod network;
pub mod options;
pub mod place;
pub mod plain_text;
pub mod protocol_names;
pub mod quantity;
pub mod replay;
pub mod report;
pub mod round_lengths;
pub mod status;
pub mod tcp_flags;
pub mod theme;
pub mod time;
pub mod time_range;
pub mod time_words;
pub mod traffic;
pub mod undecodable;
