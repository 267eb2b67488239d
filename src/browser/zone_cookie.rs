//! The cookie that tells the server the browser's zone.

const NAME: &str = "zone";
/// Zones are at most 14 hours away from UTC.
const MOST_MINUTES: i32 = 14 * 60;

/// `zone=60` for a zone an hour ahead of UTC.
pub fn written(offset_minutes: i32) -> String {
    format!("{NAME}={offset_minutes}")
}

/// Minutes ahead of UTC, out of the cookies of a request.
pub fn read(cookies: &str) -> Option<i32> {
    let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| *name == NAME)?;
    value.parse().ok().filter(|minutes: &i32| minutes.abs() <= MOST_MINUTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_read_back_and_one_that_does_not_exist_is_not() {
        assert_eq!(read(&format!("theme=dark; {}", written(-330))), Some(-330));
        assert_eq!(read("zone=100000"), None);
        assert_eq!(read("zone=x; theme=dark"), None);
    }
}
