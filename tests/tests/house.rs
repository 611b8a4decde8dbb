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

/// Which crates of the workspace each crate may depend on (dev-dependencies aside). `xtask` and the tests may
/// depend on all.
const EDGES: &[(&str, &[&str])] = &[
    ("tensor", &[]),
    ("tokenize", &[]),
    ("metrics", &[]),
    ("decode", &[]),
    ("autograd", &["tensor"]),
    ("embed", &["tensor"]),
    ("nn", &["autograd", "tensor"]),
    ("attention", &["nn", "autograd", "tensor"]),
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
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = text(dependency, "name");
            let is_dev = dependency["kind"] == "dev";
            assert!(is_dev || !names.contains(on) || allowed.contains(&on), "{name} may not depend on {on}");
        }
    }
}

/// Crates in the tree of a crate, itself included, without dev-dependencies.
fn tree(krate: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--prefix", "none", "--package", krate])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn model_crates_have_small_trees_without_c() {
    for (krate, _) in EDGES.iter().filter(|(krate, _)| *krate != "train") {
        let tree = tree(krate);
        assert!(tree.len() <= 40, "{krate}: {} crates: {tree:?}", tree.len());
        // What compiles or links C; `linux-raw-sys` and `windows-sys` are declarations in Rust.
        let is_c = |name: &&String| {
            name.ends_with("-sys") && !["linux-raw-sys", "windows-sys"].contains(&name.as_str())
        };
        let bindings =
            tree.iter().find(|name| is_c(name) || ["cc", "cmake", "pkg-config"].contains(&name.as_str()));
        assert_eq!(bindings, None, "{krate} depends on C");
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
