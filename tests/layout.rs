//! The layout rule: who may import whom. The folders are the picture, so the picture is checked.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// What each crate may import of ours. Crates that are not listed are binaries, tests or examples, which may
/// import everything.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("sluice-pdata", &[]),
    ("sluice-config", &[]),
    ("sluice-formats", &["pdata"]),
    ("sluice-component", &["pdata", "config"]),
    ("sluice-net", &["component", "config"]),
    ("sluice-receivers", &["component", "config", "net", "pdata", "formats"]),
    ("sluice-exporters", &["component", "config", "net", "pdata", "formats"]),
    ("sluice-extensions", &["component", "config", "net", "pdata", "formats"]),
    ("sluice-processors", &["component", "config", "pdata"]),
    ("sluice-connectors", &["component", "config", "pdata"]),
    (
        "sluice",
        &[
            "pdata",
            "formats",
            "component",
            "config",
            "net",
            "receivers",
            "processors",
            "connectors",
            "exporters",
            "extensions",
        ],
    ),
];

/// The crates that hold one module per component.
const COMPONENT_CRATES: &[&str] = &["receivers", "processors", "connectors", "exporters", "extensions"];

/// Asked of cargo when the test runs: a build cache may hold a test that was built for another checkout.
fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    Path::new(&package).parent().unwrap().to_owned()
}

fn workspace_packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Names of our crates that `package` imports. What only its own tests need is left out.
fn our_imports(package: &Value) -> BTreeSet<&str> {
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    dependencies
        .filter(|dependency| dependency["kind"] != "dev" && dependency["path"].is_string())
        .map(|dependency| dependency["name"].as_str().unwrap())
        .collect()
}

#[test]
fn crates_import_only_what_the_picture_allows() {
    let packages = workspace_packages();
    let mut wrong = Vec::new();
    for (name, allowed) in MAY_IMPORT {
        let package = packages.iter().find(|package| package["name"] == *name).unwrap();
        for import in our_imports(package) {
            let room = import.strip_prefix("sluice-").unwrap_or(import);
            if !allowed.contains(&room) {
                wrong.push(format!("{name} imports {import}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_library_of_the_workspace_is_in_the_picture() {
    let ends = ["sluice-tests", "sluice-bench"];
    let unknown: Vec<_> = workspace_packages()
        .iter()
        .map(|package| package["name"].as_str().unwrap().to_owned())
        .filter(|name| !MAY_IMPORT.iter().any(|(known, _)| known == name))
        .filter(|name| !ends.contains(&name.as_str()) && !name.starts_with("sluice-example-"))
        .collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn component_modules_do_not_import_their_siblings() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for room in COMPONENT_CRATES {
        let src = root().join(room).join("src");
        let components = component_modules(&fs::read_to_string(src.join("lib.rs")).unwrap());
        seen += components.len();
        for component in &components {
            for file in files_of(&src, component) {
                for import in crate_imports(&fs::read_to_string(&file).unwrap()) {
                    if import != *component && components.contains(&import) {
                        wrong.push(format!("{} imports its sibling {import}", file.display()));
                    }
                }
            }
        }
    }
    assert!(seen > 0, "no component module was found: has lib.rs another shape now?");
    assert_eq!(wrong, Vec::<String>::new());
}

/// Modules that `lib.rs` builds only for the component feature right above them.
fn component_modules(lib: &str) -> BTreeSet<String> {
    let lines: Vec<_> = lib.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("#[cfg(feature = "))
        .filter_map(|pair| {
            let module = pair[1].trim_start_matches("pub ").strip_prefix("mod ")?;
            Some(module.trim_end_matches(';').to_owned())
        })
        .collect()
}

/// `x.rs` and everything under `x/`.
fn files_of(src: &Path, module: &str) -> Vec<PathBuf> {
    let mut files = vec![src.join(format!("{module}.rs"))];
    let mut folders = vec![src.join(module)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// The first names of all `crate::` paths of a source text, those in `crate::{a, b::c}` too.
fn crate_imports(source: &str) -> BTreeSet<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for (_, rest) in code.match_indices("crate::").map(|(at, found)| (at, &code[at + found.len()..])) {
        match rest.strip_prefix('{') {
            None => names.insert(first_name(rest)),
            Some(group) => {
                names.extend(members(group));
                true
            }
        };
    }
    names
}

/// The first name of each member of a `use` group, from behind its opening brace on.
fn members(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut member = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(first_name(&std::mem::take(&mut member))),
            _ if depth == 0 => member.push(c),
            _ => {}
        }
    }
    names.push(first_name(&member));
    names
}

fn first_name(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn the_check_itself_reads_groups_nesting_and_comments() {
    let source = "
        // crate::commented
        use crate::{
            nop::{self, Settings},
            otlp,
        };
        fn f() { crate::sending::queue() }
    ";
    let found = crate_imports(source);
    let names: Vec<_> = found.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    assert_eq!(names, ["nop", "otlp", "sending"]);
    let lib = "#[cfg(feature = \"nop-receiver\")]\npub mod nop;\npub mod shared;\n";
    assert_eq!(component_modules(lib), BTreeSet::from(["nop".to_owned()]));
}
