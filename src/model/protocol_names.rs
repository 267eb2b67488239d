//! Names of IP protocols (IANA's keywords) and of well-known service ports, as operators call them.
//!
//! A name is a hint for reading: what really runs on a port is not known.

/// IANA's keyword of an IP protocol number; `None` for those that are rarely seen.
pub fn protocol_name(protocol: u8) -> Option<&'static str> {
    find(protocol).map(|(_, name, _)| *name)
}

/// The name of a protocol as the filter language writes it, if it has one.
pub fn filter_name(protocol: u8) -> Option<&'static str> {
    find(protocol).and_then(|(_, _, names)| names.first().copied())
}

/// The number of a protocol, from a name of the filter language in any case or from its number 0 to 255.
pub fn protocol_number(text: &str) -> Option<u8> {
    let is_meant = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(text));
    let named = PROTOCOLS.iter().find(|(_, _, names)| is_meant(names)).map(|(number, ..)| *number);
    named.or_else(|| text.parse().ok())
}

/// Every name that a filter may use, for suggestions.
pub fn filter_names() -> impl Iterator<Item = &'static str> {
    PROTOCOLS.iter().flat_map(|(_, _, names)| names.iter().copied())
}

fn find(protocol: u8) -> Option<&'static (u8, &'static str, &'static [&'static str])> {
    let position = PROTOCOLS.binary_search_by_key(&protocol, |(number, ..)| *number).ok()?;
    PROTOCOLS.get(position)
}

/// The keyword, else `protocol 253`.
pub fn protocol_label(protocol: u8) -> String {
    protocol_name(protocol).map_or_else(|| format!("protocol {protocol}"), str::to_owned)
}

/// The usual service of a TCP, UDP or SCTP port; `None` when there is no usual one.
pub fn service_name(port: u16) -> Option<&'static str> {
    let position = SERVICES.binary_search_by_key(&port, |(number, _)| *number).ok()?;
    SERVICES.get(position).map(|(_, name)| *name)
}

/// The ports of a service's name in any case, lowest first; none when nothing is called so.
pub fn service_ports(name: &str) -> impl Iterator<Item = u16> {
    SERVICES.iter().filter(move |(_, known)| known.eq_ignore_ascii_case(name)).map(|(port, _)| *port)
}

/// Every name of a service, for suggestions; some more than once.
pub fn service_names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|(_, name)| *name)
}

/// Number, IANA's keyword, and the names that filters may use, the first of which they are shown with.
const PROTOCOLS: [(u8, &str, &[&str]); 33] = [
    (0, "HOPOPT", &["hopopt"]),
    (1, "ICMP", &["icmp"]),
    (2, "IGMP", &["igmp"]),
    (4, "IPv4", &["ipip", "ipencap"]),
    (6, "TCP", &["tcp"]),
    (8, "EGP", &["egp"]),
    (9, "IGP", &["igp"]),
    (17, "UDP", &["udp"]),
    (27, "RDP", &["rdp"]),
    (33, "DCCP", &["dccp"]),
    (41, "IPv6", &["ipv6", "6in4"]),
    (43, "IPv6-Route", &["ipv6-route"]),
    (44, "IPv6-Frag", &["ipv6-frag"]),
    (46, "RSVP", &["rsvp"]),
    (47, "GRE", &["gre"]),
    (50, "ESP", &["esp"]),
    (51, "AH", &["ah"]),
    (58, "ICMPv6", &["icmp6", "icmpv6", "ipv6-icmp"]),
    (59, "IPv6-NoNxt", &["ipv6-nonxt"]),
    (60, "IPv6-Opts", &["ipv6-opts"]),
    (88, "EIGRP", &["eigrp"]),
    (89, "OSPF", &["ospf"]),
    (94, "IPIP", &["ipip-old"]),
    (97, "EtherIP", &["etherip"]),
    (103, "PIM", &["pim"]),
    (108, "IPComp", &["ipcomp"]),
    (112, "VRRP", &["vrrp"]),
    (115, "L2TP", &["l2tp"]),
    (124, "IS-IS", &["isis", "is-is"]),
    (132, "SCTP", &["sctp"]),
    (133, "FC", &["fc"]),
    (136, "UDPLite", &["udplite"]),
    (137, "MPLS-in-IP", &["mpls-in-ip"]),
];

#[rustfmt::skip]
const SERVICES: [(u16, &str); 163] = [
    (7, "echo"), (19, "chargen"), (20, "ftp-data"), (21, "ftp"), (22, "ssh"), (23, "telnet"), (25, "smtp"),
    (37, "time"), (43, "whois"), (49, "tacacs"), (53, "dns"), (67, "dhcp"), (68, "dhcp"), (69, "tftp"),
    (79, "finger"), (80, "http"), (88, "kerberos"), (102, "iso-tsap"), (110, "pop3"), (111, "rpcbind"),
    (113, "ident"), (119, "nntp"), (123, "ntp"), (135, "msrpc"), (137, "netbios-ns"), (138, "netbios-dgm"),
    (139, "netbios-ssn"), (143, "imap"), (161, "snmp"), (162, "snmptrap"), (179, "bgp"), (194, "irc"),
    (389, "ldap"), (427, "svrloc"), (443, "https"), (445, "smb"), (464, "kpasswd"), (465, "smtps"),
    (500, "isakmp"), (502, "modbus"), (512, "exec"), (513, "login"), (514, "syslog"), (515, "printer"),
    (520, "rip"), (523, "ibm-db2"), (546, "dhcpv6"), (547, "dhcpv6"), (548, "afp"), (554, "rtsp"),
    (587, "submission"), (593, "http-rpc"), (623, "ipmi"), (631, "ipp"), (636, "ldaps"), (646, "ldp"),
    (853, "dns-tls"), (860, "iscsi"), (873, "rsync"), (902, "vmware"), (989, "ftps-data"), (990, "ftps"),
    (993, "imaps"), (995, "pop3s"), (1080, "socks"), (1194, "openvpn"), (1433, "mssql"), (1434, "mssql-m"),
    (1521, "oracle"), (1645, "radius"), (1646, "radius-acct"), (1701, "l2tp"), (1720, "h323"),
    (1723, "pptp"), (1812, "radius"), (1813, "radius-acct"), (1883, "mqtt"), (1900, "ssdp"), (1935, "rtmp"),
    (2049, "nfs"), (2055, "netflow"), (2123, "gtp-c"), (2152, "gtp-u"), (2181, "zookeeper"),
    (2375, "docker"), (2376, "docker-tls"), (2379, "etcd"), (3128, "squid"), (3260, "iscsi"),
    (3268, "ldap-gc"), (3306, "mysql"), (3389, "rdp"), (3478, "stun"), (3632, "distcc"), (3784, "bfd"),
    (4222, "nats"), (4444, "metasploit"), (4500, "ipsec-nat-t"), (4739, "ipfix"), (4789, "vxlan"),
    (5000, "upnp"), (5004, "rtp"), (5005, "rtcp"), (5060, "sip"), (5061, "sips"), (5222, "xmpp"),
    (5228, "google-play"), (5269, "xmpp-server"), (5349, "turns"), (5353, "mdns"), (5355, "llmnr"),
    (5432, "postgresql"), (5555, "adb"), (5671, "amqps"), (5672, "amqp"), (5683, "coap"), (5900, "vnc"),
    (5938, "teamviewer"), (5984, "couchdb"), (5985, "winrm"), (6081, "geneve"), (6343, "sflow"),
    (6379, "redis"), (6443, "kubernetes"), (6514, "syslog-tls"), (6667, "irc"), (6881, "bittorrent"),
    (7000, "cassandra"), (7547, "cwmp"), (8000, "http-alt"), (8080, "http-alt"), (8081, "http-alt"),
    (8086, "influxdb"), (8123, "clickhouse"), (8333, "bitcoin"), (8443, "https-alt"), (8883, "mqtts"),
    (8888, "http-alt"), (9000, "http-alt"), (9042, "cassandra"), (9090, "prometheus"), (9092, "kafka"),
    (9093, "alertmanager"), (9100, "jetdirect"), (9200, "elasticsearch"), (9418, "git"), (9993, "zerotier"),
    (9995, "netflow"), (9996, "netflow"), (10_050, "zabbix"), (10_051, "zabbix"), (10_250, "kubelet"),
    (11_211, "memcached"), (11_434, "ollama"), (19_302, "stun"), (25_565, "minecraft"), (27_015, "steam"),
    (27_017, "mongodb"), (32_400, "plex"), (41_641, "tailscale"), (47_808, "bacnet"),
    (51_413, "bittorrent"), (51_820, "wireguard"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_number_is_found() {
        for (number, name, names) in PROTOCOLS {
            assert_eq!(protocol_name(number), Some(name));
            for name in names {
                assert_eq!(protocol_number(name), Some(number));
            }
        }
        for (port, name) in SERVICES {
            assert_eq!(service_name(port), Some(name));
        }
    }

    #[test]
    fn an_unlisted_protocol_is_shown_by_number() {
        assert_eq!(protocol_label(6), "TCP");
        assert_eq!(protocol_label(253), "protocol 253");
    }
}
