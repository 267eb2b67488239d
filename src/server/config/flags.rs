//! The command line. Every flag of `run` has a `MERIDIAN_*` variable.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use super::reports::Paper;
use crate::model::place::HomeLocation;
use crate::model::report::Section;

/// A self-hosted, live atlas of network traffic.
#[derive(Debug, Parser)]
#[command(name = "meridian", version, about, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// What to do; without it, `run`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of `run`, for `meridian` without a command.
    #[command(flatten)]
    pub run: RunFlags,
}

const EXIT_CODES: &str = "Exit codes: 0 ended as asked; 64 the command line or the configuration is wrong; \
65 a capture could not be imported to its end; 66 a file could not be opened, or there is nothing to report of; 69 an address could not be bound, or another Meridian uses the data folder; \
70 another failure, which the last log line explains; 130 interrupted.";

/// What `meridian` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect, locate and show flows: everything in one process.
    Run(RunFlags),
    /// Check the configuration and print what it comes to, without starting anything.
    Check(RunFlags),
    /// Print what is known of an address, and which database says so.
    Geo {
        /// IPv4 or IPv6 address.
        address: IpAddr,
        /// The configuration to look it up with.
        #[command(flatten)]
        run: RunFlags,
    },
    /// Read capture files with export datagrams, keep their flow records, and print what is in them.
    Import {
        /// Captures (pcap or pcapng, plain or gzipped) in the order of time; `-` is standard input.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The only UDP ports to look at, separated by commas; without it all are.
        #[arg(long = "port", value_name = "PORT", value_delimiter = ',')]
        ports: Vec<u16>,
        /// Keep nothing, only print what is in them.
        #[arg(long)]
        dry_run: bool,
        /// How the summary is written.
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: SummaryFormat,
        /// The configuration to import with.
        #[command(flatten)]
        run: RunFlags,
    },
    /// Write the flow records that are kept, oldest first, while Meridian runs or not. One that runs goes on undisturbed:
    /// what it had on disk when this began is read.
    Flows {
        /// Which flows, in the filter language, such as `port = 443 and country = "DE"`; all without it.
        #[arg(value_name = "FILTER", default_value = "", hide_default_value = true)]
        filter: String,
        #[command(flatten)]
        export: ExportFlags,
        /// The configuration that names the data folder.
        #[command(flatten)]
        run: RunFlags,
    },
    /// Write a report as PDF, while Meridian runs or not. One that runs goes on undisturbed: what it had on disk when this
    /// began is in the report. Without a month and a beginning it is of the last whole month.
    Report {
        #[command(flatten)]
        report: ReportFlags,
        /// The configuration that names the data folder.
        #[command(flatten)]
        run: RunFlags,
    },
    /// Copy the history into a folder, while Meridian runs or not. Starting with that data folder restores it.
    Backup {
        /// Folder to write, which must be new or empty.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// The configuration that names the data folder.
        #[command(flatten)]
        run: RunFlags,
    },
}

/// Which flow records are written, and how.
#[derive(Clone, Debug, Default, Args)]
pub struct ExportFlags {
    /// Beginning: `2026-11-23T14:00:00Z`, `-6h`, `yesterday`, or a stretch like `last 90 minutes`. Times are UTC. Without it,
    /// an hour before now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// End, likewise; without it, now, or the end of the stretch.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// How they are written.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ExportFormat,
    /// At most so many.
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<u64>,
    /// File to write, which must be new; standard output without it.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What a report is of, and where it goes.
#[derive(Clone, Debug, Default, Args)]
pub struct ReportFlags {
    /// Calendar month, such as `2026-10`; the last one without it and `--from`.
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["from", "to"])]
    pub month: Option<String>,
    /// Beginning: `2026-10-01`, `2026-10-01T08:00` or `last month` by the clock of the zone, `2026-10-01T08:00:00Z`, or `-6h`.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// End, likewise; a date belongs to the report. Without it, now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "from")]
    pub to: Option<String>,
    /// Which flows, in the filter language, such as `port = 443`; all without it.
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Time zone by its IANA name, such as `Africa/Johannesburg`; the one of the configuration without it.
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Heading; the one of the configuration without it.
    #[arg(long, value_name = "TITLE")]
    pub title: Option<String>,
    /// What it has, separated by commas: days, hours, map, countries, cities, systems, services, protocols, `home_hosts`,
    /// `outside_hosts`, new, exporters; everything without it.
    #[arg(long, value_name = "SECTION", value_delimiter = ',', value_parser = section)]
    pub sections: Vec<Section>,
    /// Size of the pages; the one of the configuration without it.
    #[arg(long, value_name = "PAGE")]
    pub page: Option<Paper>,
    /// How it is written.
    #[arg(long, value_name = "FORMAT", default_value = "pdf")]
    pub format: ReportFormat,
    /// File to write, which must be new; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Pages.
    #[default]
    Pdf,
    /// One JSON object, as the API has it.
    Json,
}

/// How flow records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Lines for people.
    #[default]
    Table,
    /// Comma-separated values with a line of names.
    Csv,
    /// One JSON object a line, with the field names of the API.
    Json,
    /// Parquet with the columns of the archive.
    Parquet,
}

/// How a summary is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// Flags that override the configuration file.
#[derive(Clone, Debug, Default, Args)]
pub struct RunFlags {
    /// Configuration file. Without it `meridian.toml` is read if it exists.
    #[arg(long, env = "MERIDIAN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of everything that Meridian keeps.
    #[arg(long, env = "MERIDIAN_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// UDP addresses that export datagrams arrive at, separated by commas.
    #[arg(long, env = "MERIDIAN_LISTEN_UDP", value_name = "ADDRESS:PORT", value_delimiter = ',')]
    pub listen_udp: Option<Vec<SocketAddr>>,
    /// TCP addresses that IPFIX connections arrive at, separated by commas.
    #[arg(long, env = "MERIDIAN_LISTEN_TCP", value_name = "ADDRESS:PORT", value_delimiter = ',')]
    pub listen_tcp: Option<Vec<SocketAddr>>,
    /// Address of the pages and the API.
    #[arg(long, env = "MERIDIAN_HTTP_ADDRESS", value_name = "ADDRESS:PORT")]
    pub http_address: Option<SocketAddr>,
    /// Geolocation databases, separated by commas.
    #[arg(long, env = "MERIDIAN_DATABASES", value_name = "FILE", value_delimiter = ',')]
    pub databases: Option<Vec<PathBuf>>,
    /// Where the private address ranges are: degrees north, degrees east, and a name if you like.
    #[arg(long, env = "MERIDIAN_HOME", value_name = "LAT,LON[,NAME]", value_parser = home, allow_hyphen_values = true)]
    pub home: Option<HomeLocation>,
    /// Keep nothing: no flow records, no sums.
    #[arg(long, env = "MERIDIAN_NO_HISTORY")]
    pub no_history: bool,
    /// How logs are written.
    #[arg(long, env = "MERIDIAN_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Which logs are written, such as `info` or `meridian=debug,warn`.
    #[arg(long, env = "MERIDIAN_LOG_LEVEL", value_name = "FILTER")]
    pub log_level: Option<String>,
    /// Send synthetic traffic to the first UDP socket, with a badge on every page.
    #[arg(long, env = "MERIDIAN_DEMO")]
    pub demo: bool,
    /// Seed of the synthetic traffic: the same seed makes the same flows.
    #[arg(long, env = "MERIDIAN_DEMO_SEED", value_name = "NUMBER", requires = "demo")]
    pub demo_seed: Option<u64>,
    /// Mean conversations per second of the synthetic traffic, two flow records each, 1 to 20,000.
    #[arg(
        long,
        env = "MERIDIAN_DEMO_FLOWS_PER_SECOND",
        value_name = "NUMBER",
        requires = "demo",
        value_parser = clap::value_parser!(u32).range(1..=20_000)
    )]
    pub demo_flows_per_second: Option<u32>,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text for people.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

impl LogFormat {
    /// As it is written in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl CommandLine {
    /// The flags of `run`, wherever they were written.
    pub fn run_flags(&self) -> RunFlags {
        match &self.command {
            Some(
                Command::Run(flags)
                | Command::Check(flags)
                | Command::Geo { run: flags, .. }
                | Command::Import { run: flags, .. }
                | Command::Flows { run: flags, .. }
                | Command::Report { run: flags, .. }
                | Command::Backup { run: flags, .. },
            ) => flags.clone(),
            None => self.run.clone(),
        }
    }
}

fn section(text: &str) -> Result<Section, String> {
    let names = Section::ALL.map(Section::name).join(", ");
    Section::parse(text.trim()).ok_or_else(|| format!("write one of {names}"))
}

fn home(text: &str) -> Result<HomeLocation, String> {
    let wanted = "write degrees north, degrees east and maybe a name, such as -33.31,26.52,Makhanda";
    let mut parts = text.splitn(3, ',');
    let mut degrees = || parts.next().and_then(|part| part.trim().parse::<f32>().ok()).ok_or(wanted);
    let (latitude, longitude) = (degrees()?, degrees()?);
    let name = parts.next().map_or("home", str::trim).to_owned();
    let home = HomeLocation { name, latitude, longitude };
    home.fault().map_or(Ok(home), |fault| Err(fault.to_owned()))
}
