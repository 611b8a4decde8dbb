//! The rules of the workspace, held against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--all-features"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

/// Which crates of the workspace each crate depends on (dev-dependencies aside), no more and no fewer. `xtask` and the
/// tests may depend on all.
const EDGES: &[(&str, &[&str])] = &[
    ("tensor", &[]),
    ("tokenize", &[]),
    ("metrics", &[]),
    ("decode", &[]),
    ("autograd", &["tensor"]),
    ("embed", &["tensor"]),
    ("nn", &["autograd", "tensor"]),
    ("attention", &["nn", "autograd", "tensor"]),
    ("recurrent", &["attention", "nn", "autograd", "tensor", "decode"]),
    ("transformer", &["attention", "nn", "autograd", "tensor", "decode"]),
    ("train", &["nn", "autograd", "tensor", "metrics"]),
];

#[test]
fn crates_depend_only_on_what_lies_below() {
    let metadata = metadata();
    let members: BTreeSet<&str> =
        metadata["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let packages: Vec<&Value> =
        metadata["packages"].as_array().unwrap().iter().filter(|p| members.contains(text(p, "id"))).collect();
    let names: BTreeSet<&str> = packages.iter().map(|package| text(package, "name")).collect();
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    for package in packages {
        let name = text(package, "name");
        if name == "xtask" || name == "workspace-tests" {
            continue;
        }
        let allowed =
            allowed.get(name).unwrap_or_else(|| panic!("{name}: a crate without a place in the house"));
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let on: BTreeSet<&str> = dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(dependency, "name"))
            .filter(|on| names.contains(on))
            .collect();
        assert_eq!(on, allowed, "{name}: the crates it depends on, and those it is drawn above");
    }
}

/// Crates in the tree of a crate, itself included, without dev-dependencies.
fn tree(krate: &str, edges: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", edges, "--prefix", "none", "--package", krate])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn model_crates_have_small_trees() {
    for (krate, _) in EDGES.iter().filter(|(krate, _)| *krate != "train") {
        let tree = tree(krate, "normal");
        assert!(tree.len() <= 40, "{krate}: {} crates: {tree:?}", tree.len());
    }
}

/// What build scripts use to compile or find C and C++.
const C_TOOLS: &[&str] = &["autotools", "bindgen", "cc", "cmake", "pkg-config", "vcpkg"];

#[test]
fn nothing_compiles_or_links_c() {
    let metadata = metadata();
    // Crates that say they link a native library. Rayon says so only to be in a program no more than once.
    let links: BTreeSet<&str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| !package["links"].is_null())
        .map(|package| text(package, "name"))
        .filter(|name| *name != "rayon-core")
        .collect();
    for krate in EDGES.iter().map(|(krate, _)| *krate).chain(["xtask"]) {
        let tree = tree(krate, "normal,build");
        let c = tree.iter().find(|name| links.contains(name.as_str()) || C_TOOLS.contains(&name.as_str()));
        assert_eq!(c, None, "{krate} depends on C");
    }
}

/// All Rust files of the workspace.
fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, into);
        } else if name.ends_with(".rs") {
            into.push(path);
        }
    }
}

#[test]
fn files_stay_short_and_unsafe_stays_below() {
    let mut files = Vec::new();
    sources(root(), &mut files);
    assert!(files.len() > 50);
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let lines = source.lines().count();
        assert!(lines <= 800, "{}: {lines} lines, at most 800", file.display());
        let inside = file.strip_prefix(root()).unwrap();
        if inside.ends_with("src/lib.rs")
            && !inside.starts_with("crates/tensor")
            && inside.starts_with("crates")
        {
            let forbids = source.contains("#![forbid(unsafe_code)]");
            assert!(
                forbids || inside.starts_with("crates/embed"),
                "{}: unsafe is not forbidden",
                inside.display()
            );
        }
    }
}

#[test]
fn every_crate_has_a_readme() {
    for (krate, _) in EDGES {
        let readme = root().join("crates").join(krate).join("README.md");
        assert!(readme.exists(), "{} is missing", readme.display());
    }
}
