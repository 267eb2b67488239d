use super::*;
use crate::server::config::file::ConfigFile;

fn parse(text: &str) -> Result<ReportSettings, String> {
    let parsed = ConfigFile::parse(text, Path::new("meridian.toml"));
    parsed.map(|file| file.report_settings).map_err(|error| error.to_string())
}

fn error(text: &str) -> String {
    parse(text).unwrap_err()
}

#[test]
fn without_a_section_a_month_is_reported_in_the_zone_of_the_system() {
    let settings = parse("").unwrap();
    assert_eq!(settings, ReportSettings::default());
    assert_eq!((settings.is_enabled, settings.keep_days, settings.page), (true, 1_100, Paper::A4));
    let [monthly] = settings.schedules.as_slice() else { panic!("{:?}", settings.schedules) };
    assert_eq!(
        (monthly.name.as_str(), monthly.cron.as_str(), monthly.sections.len()),
        ("monthly", "0 3 1 * *", 12)
    );
    let settings = parse("[reports]\ntime_zone = \"Africa/Johannesburg\"\n").unwrap();
    assert_eq!(settings.schedules[0].zone, "Africa/Johannesburg");
    assert_eq!(parse("[reports]\nschedules = []\n").unwrap().schedules, []);
    assert!(!parse("[reports]\nenabled = false\n").unwrap().is_enabled);
}

#[test]
fn schedules_and_the_mail_server_come_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, "secret\n").unwrap();
    let text = format!(
        "[reports]\ntitle = \"Campus\"\ntime_zone = \"UTC\"\npage = \"letter\"\nkeep_days = 30\n\
         [reports.smtp]\nserver = \"mail.example.org\"\nsecurity = \"starttls\"\nuser = \"m\"\npassword_file = {password_file:?}\n\
         from = \"Meridian <m@example.org>\"\n\
         [[reports.schedules]]\nname = \"web\"\nperiod = \"week\"\nfilter = \"port = 443\"\nsections = [\"map\", \"days\"]\n\
         email = [\"noc@example.org\"]\nwebhook = \"https://noc.example.org/hook\"\n"
    );
    let settings = parse(&text).unwrap();
    let smtp = settings.smtp.clone().unwrap();
    assert_eq!((smtp.port, smtp.security, smtp.user.unwrap().0), (587, Security::Starttls, "m".to_owned()));
    let [web] = settings.schedules.as_slice() else { panic!("{:?}", settings.schedules) };
    assert_eq!((web.cron.as_str(), web.zone.as_str()), ("0 3 * * 1", "UTC"));
    assert_eq!(web.sections, [ReportSection::Days, ReportSection::Map]);
    let lines = settings.summary();
    assert!(lines.iter().any(|(_, line)| line.contains("noc@example.org, a webhook")), "{lines:?}");
    assert!(lines.iter().all(|(_, line)| !line.contains("secret")), "{lines:?}");
}

#[test]
fn a_mistake_is_an_error_with_its_line_and_what_to_write() {
    let message = error("[reports]\ntime_zone = \"Europe/Berln\"\n");
    assert!(message.contains("meridian.toml:2") && message.contains("Europe/Berlin"), "{message}");
    let message = error("[reports]\ntittle = \"x\"\n");
    assert!(message.contains("did you mean `title`?"), "{message}");
    let message = error("[reports]\npage = \"A5\"\n");
    assert!(message.contains("`A4`"), "{message}");
    let schedule = "[[reports.schedules]]\nname = \"a\"\nperiod = \"day\"\n";
    let message = error(&format!("{schedule}cron = \"0 25 * * *\"\n"));
    assert!(message.contains("meridian.toml:1") && message.contains("0 3 1 * *"), "{message}");
    let message = error(&format!("{schedule}filter = \"port = x\"\n"));
    assert!(message.contains("(at character 8)"), "{message}");
    let message = error(&format!("{schedule}{schedule}"));
    assert!(message.contains("meridian.toml:4") && message.contains("name of its own"), "{message}");
    let message = error(&format!("{schedule}email = [\"noc@example.org\"]\n"));
    assert!(message.contains("[reports.smtp]"), "{message}");
    let message = error(&format!("{schedule}sections = [\"city\"]\n"));
    assert!(message.contains("did you mean `cities`?"), "{message}");
    let message = error("[[reports.schedules]]\nname = \"a\"\nperiod = \"custom\"\n");
    assert!(message.contains("choose one of them"), "{message}");
    let smtp = |rest: &str| error(&format!("[reports.smtp]\nserver = \"m\"\n{rest}"));
    assert!(smtp("from = \"nobody\"\n").contains("meridian@example.org"));
    assert!(smtp("from = \"m@example.org\"\nuser = \"m\"\n").contains("password_file"));
    assert!(
        smtp("from = \"m@example.org\"\nuser = \"m\"\npassword_file = \"/nowhere\"\n").contains("/nowhere")
    );
}

#[test]
fn a_logo_is_a_png_or_a_jpeg_of_at_most_a_mebibyte() {
    let folder = tempfile::tempdir().unwrap();
    let logo = |bytes: &[u8]| {
        let file = folder.path().join("logo");
        std::fs::write(&file, bytes).unwrap();
        parse(&format!("[reports]\nlogo = {file:?}\n")).map(|settings| settings.logo.unwrap().media_type)
    };
    let png = b"\x89PNG\r\n\x1a\n".to_vec();
    assert_eq!(logo(&png).as_deref(), Ok("image/png"));
    assert_eq!(logo(&[0xff, 0xd8, 0xff, 0xe0]).as_deref(), Ok("image/jpeg"));
    assert!(logo(b"<svg>").unwrap_err().contains("neither PNG nor JPEG"));
    assert!(logo(&[png, vec![0; 1 << 20]].concat()).unwrap_err().contains("1 MiB"));
    assert!(error("[reports]\nlogo = \"/nowhere.png\"\n").contains("meridian.toml:2"));
}
