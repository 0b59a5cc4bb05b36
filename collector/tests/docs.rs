//! What the pages show is so: every block of YAML loads, every command is one that exists, every link leads somewhere.
//!
//! A fence says what is in it. ```` ```yaml ```` is a configuration of sluice, whole or a part; a second word tells YAML
//! of others: `yaml compose`, `yaml grafana`, `yaml kubernetes`, `yaml prometheus`. Nothing is skipped: a fence of any other language
//! than those of [`blocks::OTHERS`] is a fault, and so is YAML that calls itself `text`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "docs/blocks.rs"]
mod blocks;
#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/pages.rs"]
mod pages;

use pages::Page;
use sluice::{components, known::in_contrib};
use sluice_component::Kind;

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_block_is_what_its_fence_says_and_every_configuration_loads() {
    let pages = pages::all();
    let found: Vec<_> = pages.iter().flat_map(|page| &page.blocks).map(blocks::fault_of).collect();
    assert!(found.len() > 60, "the pages have more blocks than {}", found.len());
    none(&found.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn every_example_loads() {
    let examples = pages::examples(blocks::info_of);
    assert!(examples.len() >= 9, "there are more examples than {}", examples.len());
    none(&examples.iter().filter_map(blocks::fault_of).collect::<Vec<_>>());
}

#[test]
fn every_command_exists_with_its_flags_and_prints_what_is_shown() {
    let pages = pages::all();
    let shown: Vec<_> = pages.iter().flat_map(|page| &page.blocks).flat_map(commands::of_sluice).collect();
    assert!(shown.len() >= 3, "the pages show more commands than {}", shown.len());
    none(&shown.iter().filter_map(commands::fault_of).collect::<Vec<_>>());
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let pages = pages::all();
    assert!(pages.iter().map(|page| page.links.len()).sum::<usize>() > 100);
    none(&links::faults(&pages));
}

#[test]
fn two_clicks_from_the_readme_lead_to_every_page_of_the_documentation() {
    let pages = pages::all();
    let near = links::within(2, "README.md", &pages);
    let is_shown = |page: &&Page| page.path.starts_with("docs") && !page.path.starts_with("docs/decisions");
    let far = pages.iter().filter(is_shown).filter(|page| !near.contains(&page.path));
    none(&far.map(|page| page.path.display().to_string()).collect::<Vec<_>>());
}

#[test]
fn what_the_page_for_users_of_otelcol_calls_missing_is_missing() {
    let page = std::fs::read_to_string(pages::root().join("docs/coming-from-otelcol.md")).unwrap();
    let section = page.split("## What is not there\n").nth(1).unwrap().split("## ").next().unwrap();
    let names: Vec<_> = section
        .lines()
        .filter_map(|row| row.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let registry = components::full();
    let (mut missing, mut faults) = (0, Vec::new());
    for (kind, name) in Kind::ALL.into_iter().flat_map(|kind| names.iter().map(move |name| (kind, *name))) {
        let is_there = registry
            .describe(kind)
            .iter()
            .any(|known| known.type_() == name || known.aliases().contains(&name));
        if is_there {
            faults.push(format!("the {kind} `{name}` is there"));
        }
        missing += usize::from(in_contrib(kind, name));
    }
    assert!(missing > 20, "the page names more components of otelcol than {missing}");
    none(&faults);
}

#[test]
fn the_checks_find_faults() {
    let page = |text: &str| Page::parse("docs/x.md".into(), text);
    let fault = |text: &str| page(text).blocks.iter().find_map(blocks::fault_of).unwrap_or_default();
    for (text, expected) in [
        ("a\n```\nx\n```\n", "docs/x.md:2: say what it is"),
        ("```yml\nx: 1\n```\n", "`yml` is none of"),
        ("```text\nreceivers:\n  otlp:\n```\n", "is YAML"),
        ("```yaml\nexporters:\n  debug:\n    verbosty: x\n```\n", "unknown key `verbosty`"),
        ("- a\n\n  ```yaml\n  processors: {batc: }\n  ```\n", "unknown type: \"batc\""),
        ("```yaml\nservice: {pipelines: {traces: {receivers: [otlp]}}}\n```\n", "no receiver"),
        ("```yaml\nexporters: {nop: }\nmine: {}\n```\n", "unknown key `mine`"),
        ("```yaml\nexporters: {otlp_grpc: {endpoint: '${env:NOBODY_SETS_IT}:1'}}\n```\n", "NOBODY_SETS_IT"),
        ("```yaml kubernetes\nkind: Pod\n```\n", "no `apiVersion`"),
        (
            "```yaml kubernetes\napiVersion: v1\nkind: ConfigMap\ndata:\n  config.yaml: |\n    exporters: {nope: }\n```\n",
            "unknown type: \"nope\"",
        ),
        ("```yaml compose\nversion: '3'\n```\n", "no `services`"),
        ("```yaml prometheus\nscrape_configs: [{jobname: x}]\n```\n", "unknown key `jobname`"),
        ("```yaml prometheus\nreceivers: {}\n```\n", "`receivers` is no section of Prometheus"),
        ("```json\n{\n```\n", "EOF"),
    ] {
        assert!(fault(text).contains(expected), "{text}: {}", fault(text));
    }
    let links =
        page("# A `b` c\n[x](y.md) [z](#a-b-c) [w](#d) <https://a.example> [v](../README.md#nowhere)");
    let found = links::faults(&[links, Page::parse("README.md".into(), "# B")]).join("\n");
    assert_eq!(
        found,
        "docs/x.md: `y.md`: no such file\ndocs/x.md: `#d`: no such heading\ndocs/x.md: `../README.md#nowhere`: no such heading"
    );
    let wrong =
        page("```console\n$ A=b sluice validate --nonsense x   # c\n$ sluice frobnicate\nsluice no\n```\n");
    let wrong: Vec<_> = wrong.blocks.iter().flat_map(commands::of_sluice).collect();
    assert_eq!(wrong.len(), 2);
    assert!(wrong.iter().all(|command| commands::fault_of(command).is_some()));
}
