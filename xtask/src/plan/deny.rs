//! Licences, duplicate versions, sources and advisories, by cargo-deny (see `deny.toml`).

use crate::need::Need;
use crate::step::{Command, Step};

pub(super) fn steps() -> [Step; 2] {
    let check = |what: &str| Command::cargo(format!("deny --all-features check {what}"));
    [
        Step::new("deny: bans licenses sources")
            .needs(Need::CargoDeny)
            .run(check("bans licenses sources")),
        Step::new("deny: advisories")
            .needs(Need::CargoDeny)
            // The texts below are looked for in the output, so it has to be in English.
            .run(check("advisories").env("LC_ALL", "C").excuse(out_of_reach)),
    ]
}

/// The database could not be fetched because the network or its host is not there. An advisory
/// that was found, or a database that is broken, is no excuse.
fn out_of_reach(output: &str) -> Option<String> {
    const NETWORK: [&str; 12] = [
        "Could not resolve host",
        "Could not resolve proxy",
        "Temporary failure in name resolution",
        "dns error",
        "failed to lookup address",
        "Failed to connect",
        "Couldn't connect to server",
        "Connection refused",
        "Connection reset",
        "Connection timed out",
        "Network is unreachable",
        "error sending request",
    ];
    let fetch_failed = output.contains("failed to fetch advisory database");
    let found_one = output.contains("error[");
    (fetch_failed && !found_one && NETWORK.iter().any(|text| output.contains(text)))
        .then(|| "database out of reach".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_HOST: &str = "\
[ERROR] failed to fetch database: failed to fetch advisory database X with cli: failed to clone
fatal: unable to access 'X': Could not resolve host: example.org";

    #[test]
    fn a_host_that_is_not_there_is_an_excuse() {
        assert_eq!(
            out_of_reach(NO_HOST).as_deref(),
            Some("database out of reach")
        );
    }

    #[test]
    fn a_finding_is_none() {
        let finding = "error[vulnerability]: use after free\nadvisories FAILED";
        assert_eq!(out_of_reach(finding), None);
        assert_eq!(out_of_reach(&[NO_HOST, finding].join("\n")), None);
    }

    #[test]
    fn a_broken_database_is_none() {
        let broken = "[ERROR] failed to fetch advisory database X: not a git repository";
        assert_eq!(out_of_reach(broken), None);
    }
}
