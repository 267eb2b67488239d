//! Notifications of packets that a device discarded, with the reason (sFlow Dropped Packet Notification
//! Structures, October 2020, and the reasons that were added to its list since).

use super::record::Records;
use super::{DataSource, Items};
use crate::server::wire::error::Result;
use crate::server::wire::reader::Reader;

/// A notification of one packet that was discarded.
#[derive(Clone, Copy, Debug)]
pub struct DiscardedPacket<'a> {
    /// Number of this notification among those of its source.
    pub sequence: u32,
    /// What noticed it.
    pub source: DataSource,
    /// Notifications that the agent dropped, for a rate limit or lack of resources, so far; wraps.
    pub drops: u32,
    /// SNMP index of the input interface; 0 when unknown.
    pub input: u32,
    /// SNMP index of the output interface if it was discarded there, else 0.
    pub output: u32,
    /// Number of the reason.
    pub reason: u32,
    /// Number of records, as stated.
    pub record_count: u32,
    /// The records that describe the packet, undecoded.
    pub body: Reader<'a>,
}

impl<'a> DiscardedPacket<'a> {
    pub(super) fn parse(mut body: Reader<'a>) -> Result<Self> {
        let [sequence, class, index, drops, input, output, reason, record_count] =
            body.words("discarded_packet")?;
        let source = DataSource { class, index };
        Ok(Self { sequence, source, drops, input, output, reason, record_count, body })
    }

    /// What describes the packet, in order.
    pub const fn records(&self) -> Records<'a> {
        Records::new(Items { rest: self.body, left: self.record_count, field: "flow_record" })
    }

    /// The name of the reason; `other` for numbers that are not on the list. The set is closed.
    pub fn reason_name(&self) -> &'static str {
        let index = usize::try_from(self.reason).unwrap_or(usize::MAX);
        let name = match index.checked_sub(OWN_REASONS_FROM) {
            None => UNREACHABLE.get(index),
            Some(index) => OWN_REASONS.get(index),
        };
        name.copied().unwrap_or("other")
    }
}

/// Reasons 0 to 15: the codes of ICMP's destination unreachable.
const UNREACHABLE: [&str; 16] = [
    "net_unreachable",
    "host_unreachable",
    "protocol_unreachable",
    "port_unreachable",
    "frag_needed",
    "src_route_failed",
    "dst_net_unknown",
    "dst_host_unknown",
    "src_host_isolated",
    "dst_net_prohibited",
    "dst_host_prohibited",
    "dst_net_tos_unreachable",
    "dst_host_tos_unreachable",
    "comm_admin_prohibited",
    "host_precedence_violation",
    "precedence_cutoff",
];

/// Number of the first of sFlow's own reasons.
const OWN_REASONS_FROM: usize = 256;

/// Reasons from 256.
#[rustfmt::skip]
const OWN_REASONS: [&str; 117] = [
    "unknown", "ttl_exceeded", "acl", "no_buffer_space", "red", "traffic_shaping", "pkt_too_big",
    "src_mac_is_multicast", "vlan_tag_mismatch", "ingress_vlan_filter", "ingress_spanning_tree_filter",
    "port_list_is_empty", "port_loopback_filter", "blackhole_route", "non_ip", "uc_dip_over_mc_dmac",
    "dip_is_loopback_address", "sip_is_mc", "sip_is_loopback_address", "ip_header_corrupted",
    "ipv4_sip_is_limited_bc", "ipv6_mc_dip_reserved_scope", "ipv6_mc_dip_interface_local_scope",
    "unresolved_neigh", "mc_reverse_path_forwarding", "non_routable_packet", "decap_error",
    "overlay_smac_is_mc", "unknown_l2", "unknown_l3", "unknown_l3_exception", "unknown_buffer",
    "unknown_tunnel", "unknown_l4", "sip_is_unspecified", "mlag_port_isolation", "blackhole_arp_neigh",
    "src_mac_is_dmac", "dmac_is_reserved", "sip_is_class_e", "mc_dmac_mismatch", "sip_is_dip",
    "dip_is_local_network", "dip_is_link_local", "overlay_smac_is_dmac", "egress_vlan_filter",
    "uc_reverse_path_forwarding", "split_horizon", "locked_port", "dmac_filter", "blackhole_nexthop",
    "vxlan_parsing", "llc_snap_parsing", "vlan_parsing", "pppoe_ppp_parsing", "mpls_parsing", "arp_parsing",
    "ip_1_parsing", "ip_n_parsing", "gre_parsing", "udp_parsing", "tcp_parsing", "ipsec_parsing",
    "sctp_parsing", "dccp_parsing", "gtp_parsing", "esp_parsing", "unknown_parsing", "pkt_too_small",
    "unhandled_proto", "ipv6disabled", "invalid_proto", "ip_noproto", "skb_csum", "skb_ucopy_fault",
    "dev_ready", "dev_hdr", "dup_frag", "skb_gso_seg", "reverse_path_forwarding", "icmp_parsing",
    "tcp_md5notfound", "tcp_md5unexpected", "tcp_md5failure", "tcp_flags", "tcp_zerowindow", "tcp_old_data",
    "tcp_overwindow", "tcp_ofomerge", "tcp_rfc7323_paws", "tcp_invalid_sequence", "tcp_reset",
    "tcp_invalid_syn", "tcp_close", "tcp_fastopen", "tcp_old_ack", "tcp_too_old_ack", "tcp_ack_unsent_data",
    "tcp_ofo_queue_prune", "tcp_ofo_drop", "tcp_minttl", "ipv6_bad_exthdr", "ipv6_ndisc_frag",
    "ipv6_ndisc_hop_limit", "ipv6_ndisc_bad_code", "ipv6_ndisc_bad_options", "ipv6_ndisc_ns_otherhost",
    "tap_filter", "tap_txfilter", "tc_ingress", "tc_egress", "xdp", "cpu_backlog", "bpf_cgroup_egress",
    "xfrm_policy", "socket_filter", "bgp_flowspec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_the_names_of_the_list_and_all_others_share_one() {
        let name = |reason: u32| {
            let words = [1, 0, 2, 0, 1, 2, reason, 0_u32];
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            DiscardedPacket::parse(Reader::new(&bytes)).unwrap().reason_name()
        };
        let known = [(0, "net_unreachable"), (15, "precedence_cutoff"), (256, "unknown"), (258, "acl")];
        for (reason, expected) in known {
            assert_eq!(name(reason), expected);
        }
        assert_eq!((name(289), name(303), name(372)), ("unknown_l4", "split_horizon", "bgp_flowspec"));
        assert_eq!([name(16), name(255), name(373), name(u32::MAX)], ["other"; 4]);
    }
}
