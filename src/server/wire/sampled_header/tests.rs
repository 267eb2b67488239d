use super::*;

const NONE: Decapsulation = Decapsulation { gre: false, vxlan: false, ipip: false };
const ALL: Decapsulation = Decapsulation { gre: true, vxlan: true, ipip: true };
const TCP: [u8; 20] = [0x30, 0x39, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x51, 0x12, 0, 0, 0, 0, 0, 0];

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ethernet(ether_type: u16, rest: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &ether_type.to_be_bytes(), rest].concat()
}

/// An IPv4 packet from 192.0.2.`host` to 198.51.100.7 with so many bytes of options.
fn ipv4(host: u8, protocol: u8, options: usize, payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + options + payload.len()).unwrap().to_be_bytes();
    let words = u8::try_from(5 + options / 4).unwrap();
    let head = [0x40 | words, 8, total[0], total[1], 0, 0, 0, 0, 64, protocol, 0, 0];
    [&head[..], &[192, 0, 2, host], &[198, 51, 100, 7], &vec![1; options], payload].concat()
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let (source, destination): (Ipv6Addr, Ipv6Addr) =
        ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
    let head = [0x62, 0x80, 0, 0, length[0], length[1], next, 64];
    [&head[..], &source.octets(), &destination.octets(), payload].concat()
}

/// Source's last byte, ports, protocol, IP bytes.
fn brief(packet: &Packet) -> (u8, u16, u16, u8, u32) {
    let last = match packet.source_address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    };
    (last, packet.source_port, packet.destination_port, packet.protocol, packet.ip_length)
}

#[test]
fn a_tcp_packet_is_read_whole() {
    let packet = Packet::decode(ETHERNET, &ethernet(0x0800, &ipv4(1, 6, 0, &TCP)), NONE);
    assert_eq!(
        (packet.source_address, packet.destination_address),
        (address("192.0.2.1"), address("198.51.100.7"))
    );
    assert_eq!(brief(&packet), (1, 12345, 443, 6, 40));
    assert_eq!((packet.tcp_flags, packet.type_of_service, packet.vlan, packet.offset), (0x112, 8, 0, 14));
}

#[test]
fn options_are_passed_over_and_only_the_first_fragment_has_ports() {
    let with_options = Packet::decode(IPV4, &ipv4(1, 6, 12, &TCP), NONE);
    assert_eq!(brief(&with_options), (1, 12345, 443, 6, 52));
    let mut later = ipv4(1, 6, 0, &TCP);
    later[7] = 1;
    assert_eq!(brief(&Packet::decode(IPV4, &later, NONE)), (1, 0, 0, 6, 40));
    let mut first = ipv4(1, 6, 0, &TCP);
    first[6] = 0x20;
    assert_eq!(brief(&Packet::decode(IPV4, &first, NONE)), (1, 12345, 443, 6, 40));
}

#[test]
fn tags_and_labels_are_passed_over_and_the_outermost_vlan_is_kept() {
    let ip = ipv4(1, 17, 0, &TCP);
    let tagged = |outer: u16| {
        let inner = [&[0x60, 20, 8, 0][..], &ip].concat();
        ethernet(outer, &[&[0, 10, 0x81, 0][..], &inner].concat())
    };
    for outer in [0x8100, 0x88a8, 0x9100] {
        let packet = Packet::decode(ETHERNET, &tagged(outer), NONE);
        assert_eq!((brief(&packet), packet.vlan, packet.offset), ((1, 12345, 443, 17, 40), 10, 22));
    }
    // A priority tag is no VLAN.
    let priority = ethernet(0x8100, &[&[0x60, 0, 8, 0][..], &ip].concat());
    assert_eq!(Packet::decode(ETHERNET, &priority, NONE).vlan, 0);
    let labels = [0, 1, 0, 64, 0, 2, 1, 64];
    let stack = [&labels[..], &ip].concat();
    assert_eq!(brief(&Packet::decode(MPLS, &stack, NONE)), (1, 12345, 443, 17, 40));
    assert_eq!(brief(&Packet::decode(ETHERNET, &ethernet(0x8847, &stack), NONE)), (1, 12345, 443, 17, 40));
    let v6 = [&labels[..], &ipv6(17, &TCP)].concat();
    assert_eq!(brief(&Packet::decode(MPLS, &v6, NONE)), (1, 12345, 443, 17, 60));
    // A pseudowire: control word, then the customer's frame.
    let wire = [&labels[..], &[0; 4], &ethernet(0x0800, &ip)].concat();
    assert_eq!(brief(&Packet::decode(MPLS, &wire, NONE)), (1, 12345, 443, 17, 40));
}

#[test]
fn pppoe_ppp_and_snap_carry_ip() {
    let ip = ipv4(1, 17, 0, &TCP);
    let session = [&[0x11, 0, 0, 1, 0, 42, 0, 0x21][..], &ip].concat();
    assert_eq!(brief(&Packet::decode(ETHERNET, &ethernet(0x8864, &session), NONE)), (1, 12345, 443, 17, 40));
    let ppp = [&[0xff, 3, 0, 0x57][..], &ipv6(17, &TCP)].concat();
    assert_eq!(brief(&Packet::decode(7, &ppp, NONE)), (1, 12345, 443, 17, 60));
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &ip].concat();
    assert_eq!(brief(&Packet::decode(ETHERNET, &ethernet(48, &snap), NONE)), (1, 12345, 443, 17, 40));
}

#[test]
fn extension_headers_of_ipv6_are_passed_over() {
    let hop_by_hop = [43, 0, 0, 0, 0, 0, 0, 0];
    let routing = [60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let options = [51, 0, 0, 0, 0, 0, 0, 0];
    let authentication = [44, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let fragment = [6, 0, 0, 1, 0, 0, 0, 9];
    let all = [&hop_by_hop[..], &routing, &options, &authentication, &fragment, &TCP].concat();
    let packet = Packet::decode(IPV6, &ipv6(0, &all), NONE);
    assert_eq!(brief(&packet), (1, 12345, 443, 6, 40 + u32::try_from(all.len()).unwrap()));
    assert_eq!((packet.tcp_flags, packet.type_of_service), (0x112, 0x28));
    let later = [&[6, 0, 0, 8, 0, 0, 0, 9][..], &TCP].concat();
    assert_eq!(brief(&Packet::decode(IPV6, &ipv6(44, &later), NONE)), (1, 0, 0, 6, 68));
    // Cut off within a header whose length goes beyond: what follows it is known.
    let cut = Packet::decode(IPV6, &ipv6(60, &[17, 9, 0, 0]), NONE);
    assert_eq!((cut.protocol, cut.source_port), (17, 0));
}

#[test]
fn icmp_has_a_type_and_a_code_and_no_ports() {
    let v4 = Packet::decode(IPV4, &ipv4(1, 1, 0, &[3, 4, 0, 0]), NONE);
    assert_eq!((v4.icmp_type_code, v4.source_port, v4.destination_port), (0x0304, 0, 0));
    let v6 = Packet::decode(IPV6, &ipv6(58, &[135, 0, 0, 0]), NONE);
    assert_eq!((v6.icmp_type_code, v6.destination_port), (135 << 8, 0));
}

#[test]
fn tunnels_are_looked_into_only_when_asked_and_only_if_something_is_there() {
    let inner = ipv4(9, 17, 0, &TCP);
    let gre = ipv4(1, 47, 0, &[&[0xb0, 0, 8, 0][..], &[0; 12], &inner].concat());
    let bridged = ipv4(1, 47, 0, &[&[0, 0, 0x65, 0x58][..], &ethernet(0x0800, &inner)].concat());
    let udp = |port: u16, flags: u8, frame: &[u8]| {
        let head = [&[0xc0, 0, 0, 0][..2], &port.to_be_bytes(), &[0, 0, 0, 0], &[flags, 0, 0, 0, 0, 0, 1, 0]];
        ipv4(1, 17, 0, &[&head.concat()[..], frame].concat())
    };
    let vxlan = udp(4789, 8, &ethernet(0x0800, &inner));
    let ipip = ipv4(1, 4, 0, &inner);
    for tunnel in [&gre, &bridged, &vxlan, &ipip] {
        let outside = Packet::decode(IPV4, tunnel, NONE);
        assert_eq!((brief(&outside).0, outside.ip_length as usize), (1, tunnel.len()));
        let inside = Packet::decode(IPV4, tunnel, ALL);
        assert_eq!(brief(&inside), (9, 12345, 443, 17, 40));
    }
    assert_eq!(brief(&Packet::decode(IPV4, &gre, Decapsulation { gre: false, ..ALL })).0, 1);
    // Another port, no network id, nothing readable inside, a tunnel of PPTP.
    let outside = [
        udp(4790, 8, &ethernet(0x0800, &inner)),
        udp(4789, 0, &ethernet(0x0800, &inner)),
        udp(4789, 8, &ethernet(0x0806, &inner)),
        udp(4789, 8, &ethernet(0x0800, &inner[..18])),
        ipv4(1, 47, 0, &[&[0x20, 1, 0x88, 0x0b][..], &inner].concat()),
    ];
    for tunnel in outside {
        let packet = Packet::decode(IPV4, &tunnel, ALL);
        assert_eq!((brief(&packet).0, packet.ip_length as usize), (1, tunnel.len()));
    }
    let nested = (0..20).fold(inner, |inner, _| ipv4(1, 4, 0, &inner));
    assert_eq!(Packet::decode(IPV4, &nested, ALL).protocol, 4);
}

#[test]
fn a_header_that_is_cut_off_keeps_what_was_read_and_no_halves() {
    let frame = ethernet(0x8100, &[&[0, 7, 8, 0][..], &ipv4(1, 6, 0, &TCP)].concat());
    let at = |length: usize| Packet::decode(ETHERNET, &frame[..length], NONE);
    assert_eq!((at(13).is_ip, at(17).vlan, at(18).vlan), (false, 0, 7));
    assert_eq!((at(20).is_ip, at(20).ip_length, at(22).ip_length), (true, 0, 40));
    let unknown = address("0.0.0.0");
    assert_eq!((at(33).source_address, at(34).source_address), (unknown, address("192.0.2.1")));
    assert_eq!((at(37).destination_address, at(38).destination_address), (unknown, address("198.51.100.7")));
    assert_eq!(
        (at(41).source_port, at(42).source_port, at(51).tcp_flags, at(52).tcp_flags),
        (0, 12345, 0, 0x112)
    );
    let v6 = ipv6(6, &TCP);
    let cut = Packet::decode(IPV6, &v6[..30], NONE);
    assert_eq!((cut.source_address, cut.protocol, cut.ip_length), (address("2001:db8::1"), 6, 60));
    assert!(cut.destination_address.is_unspecified());
}

#[test]
fn what_is_no_ip_says_where_it_begins() {
    let arp = Packet::decode(ETHERNET, &ethernet(0x0806, &[0; 28]), NONE);
    assert_eq!((arp.is_ip, arp.offset), (false, 14));
    let wrong_version = Packet::decode(ETHERNET, &ethernet(0x0800, &ipv6(17, &TCP)), NONE);
    assert!(!wrong_version.is_ip);
    // The padding of a short frame is no transport header.
    let padded = ethernet(0x0800, &[&ipv4(1, 17, 0, &[])[..], &[9; 26]].concat());
    assert_eq!(brief(&Packet::decode(ETHERNET, &padded, NONE)), (1, 0, 0, 17, 20));
}

#[test]
fn pseudowires_in_pseudowires_are_followed_no_deeper_than_tunnels() {
    // Ethernet, a label at the bottom of its stack, the control word, and again.
    let mut layer = [0; 22];
    layer[12..14].copy_from_slice(&[0x88, 0x47]);
    layer[16] = 1;
    let header = layer.repeat(65_000 / layer.len());
    let packet = Packet::decode(1, &header, Decapsulation::default());
    assert!(!packet.is_ip && packet.offset < 200, "{packet:?}");
}
