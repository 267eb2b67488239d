//! The databases that set-up fetched, if they are there.

use super::*;

#[test]
fn known_places_are_where_the_database_says_and_in_their_country() {
    let Some(folder) = real_databases() else {
        println!("skipped: no databases in data/geolocation; run setup/geolocation.sh");
        return;
    };
    let geolocation = real_geolocation(&folder);
    assert_eq!(geolocation.status().problems, Vec::<String>::new());
    let readers = RawReaders::open(&folder);
    let mut wrong = Vec::new();
    for (text, code, name, latitude, longitude, bound_km) in KNOWN_PLACES {
        let location = geolocation.locate_address(address(text));
        let found = geolocation.place(location.place);
        let distance = distance_km((latitude, longitude), (found.latitude, found.longitude));
        println!(
            "{distance:7.1} km  {text:38} {name:36} {}, {} ({:?}), AS {} {}",
            found.city,
            found.country.map_or_else(String::new, |code| code.to_string()),
            found.precision,
            location.as_number,
            geolocation.as_name(location.as_number)
        );
        assert_eq!(
            Some((found.city, found.latitude, found.longitude)),
            readers.find(address(text)),
            "{text}"
        );
        if found.country != CountryCode::parse(code)
            || !found.precision.has_coordinates()
            || distance > bound_km
        {
            wrong.push(text);
        }
    }
    assert_eq!(wrong, Vec::<&str>::new());
}

#[test]
fn a_flattened_database_gives_the_answers_of_the_file_it_was_made_from() {
    let Some(folder) = real_databases() else {
        println!("skipped: no databases in data/geolocation; run setup/geolocation.sh");
        return;
    };
    let geolocation = real_geolocation(&folder);
    let readers = RawReaders::open(&folder);
    let networks = readers.v6.networks(maxminddb::WithinOptions::default()).unwrap();
    let v6 = networks.step_by(977).filter_map(|found| match found.unwrap().network().unwrap().ip() {
        IpAddr::V6(first) => Some(first.to_bits()),
        IpAddr::V4(_) => None,
    });
    let around = v6.flat_map(|first| [first.wrapping_sub(1), first, first + 1, first + (1 << 66)]);
    let v6 = around.map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)));
    let v4 = (0..u32::MAX).step_by(65_521).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)));
    let mut compared = 0;
    let addresses: Vec<IpAddr> = v4.chain(v6).collect();
    assert_located_alike(geolocation, &addresses);
    for address in addresses {
        let found = geolocation.place(geolocation.locate_address(address).place);
        if found.precision == Precision::City {
            assert_eq!(
                Some((found.city, found.latitude, found.longitude)),
                readers.find(address),
                "{address}"
            );
            compared += 1;
        }
        let is_transition = matches!(address, IpAddr::V6(v6) if v6.segments()[0] == 0x2002 || v6.segments()[..2] == [0x2001, 0]);
        if found.precision == Precision::Unknown && !is_transition {
            assert!(readers.find(address).is_none_or(|(city, ..)| city.is_empty()), "{address}");
        }
    }
    println!("{compared} addresses compared");
    assert!(compared > 60_000);
}
