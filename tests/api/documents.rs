//! The documents: their links lead somewhere, pages of protocols have one order, and Korean pages keep step with their English
//! twins.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use tests::template;

/// The sections of each page of `docs/protocols`.
const PROTOCOL: [&str; 5] = ["Problem", "Design", "Failures", "Cost", "Tests"];

/// The languages of blocks that readers paste into a shell.
const SHELL: [&str; 2] = ["sh", "shell"];

/// The parts of a page of Markdown.
#[derive(Debug, Default)]
struct Page {
    headings: Vec<Heading>,
    blocks: Vec<Block>,
    /// Everything but the fenced blocks.
    prose: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Heading {
    level: usize,
    text: String,
}

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    language: String,
    text: String,
}

impl Page {
    fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                let inside = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```"));
                let text = inside.map(|line| format!("{line}\n")).collect();
                page.blocks.push(Block { language: language.trim().to_owned(), text });
                continue;
            }
            let after = line.trim_start_matches('#');
            let level = line.len() - after.len();
            if let Some(text) = after.strip_prefix(' ').filter(|_| level > 0) {
                page.headings.push(Heading { level, text: text.trim().to_owned() });
            }
            page.prose.push_str(line);
            page.prose.push('\n');
        }
        page
    }

    /// The names that links give the headings, as GitHub makes them.
    fn anchors(&self) -> BTreeSet<String> {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        let mut anchors = BTreeSet::new();
        for heading in &self.headings {
            let name = anchor(&heading.text);
            let before = times.entry(name.clone()).or_default();
            anchors.insert(if *before == 0 { name } else { format!("{name}-{before}") });
            *before += 1;
        }
        anchors
    }

    /// The targets of the inline links.
    fn links(&self) -> Vec<&str> {
        let texts = self.prose.split("\n\n").flat_map(|paragraph| paragraph.split('`').step_by(2));
        let rests = texts.flat_map(|text| text.split("](").skip(1));
        rests.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
    }

    /// The levels of the headings.
    fn levels(&self) -> Vec<usize> {
        self.headings.iter().map(|heading| heading.level).collect()
    }

    /// The blocks for a shell, each with its language, without comments.
    fn shell_blocks(&self) -> Vec<(&str, String)> {
        let blocks = self.blocks.iter().filter(|block| SHELL.contains(&block.language.as_str()));
        let without_comments = |block: &Block| -> String {
            let commands = block.text.lines().filter(|line| !line.trim_start().starts_with('#'));
            commands.map(|command| format!("{command}\n")).collect()
        };
        blocks.map(|block| (block.language.as_str(), without_comments(block))).collect()
    }

    /// The commands of this project that the prose names, in order of the alphabet: languages order their words differently.
    fn named_commands(&self) -> Vec<&str> {
        let code = self.prose.split("\n\n").flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2));
        let mut commands: Vec<_> = code.filter(|code| code.starts_with("cargo ")).collect();
        commands.sort_unstable();
        commands
    }
}

/// The anchor of a heading: letters, digits, `-` and `_`, with `-` for a space.
fn anchor(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let letters = lower.chars().filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
    letters.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// The Markdown files in a folder and below, without those of tools and builds.
pub(crate) fn markdown_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "target" || (name.starts_with('.') && name != ".github") {
            continue;
        }
        if path.is_dir() {
            markdown_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Every page of the project, by its path.
fn pages() -> BTreeMap<PathBuf, Page> {
    let mut files = Vec::new();
    markdown_files(&template::project_file(""), &mut files);
    let page = |file: PathBuf| {
        let page = Page::parse(&fs::read_to_string(&file).unwrap());
        (file.canonicalize().unwrap(), page)
    };
    files.into_iter().map(page).collect()
}

#[test]
fn page_parser_finds_headings_blocks_and_links() {
    let page = Page::parse(concat!(
        "# A page\n\nA [link](b.md#c), [two\nlines](d.md) and `[no](link)`; `cargo xtask dev`.\n\n",
        "```sh\n# a comment\ncurl x\n```\n\n## `lib/`: a *part*\n\n### A page\n\n#none\n",
    ));
    assert_eq!(page.levels(), [1_usize, 2, 3]);
    assert_eq!(page.anchors(), BTreeSet::from(["a-page", "a-page-1", "lib-a-part"].map(str::to_owned)));
    assert_eq!(page.links(), ["b.md#c", "d.md"]);
    assert_eq!(page.shell_blocks(), [("sh", "curl x\n".to_owned())]);
    assert_eq!(page.named_commands(), ["cargo xtask dev"]);
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = pages();
    let (mut followed, mut broken) = (0, Vec::new());
    for (path, page) in &pages {
        for link in page.links().into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let is_right = target.canonicalize().is_ok_and(|target| {
                anchor.is_empty() || pages.get(&target).is_some_and(|page| page.anchors().contains(anchor))
            });
            if !is_right {
                broken.push(format!("{}: {link}", path.display()));
            }
            followed += 1;
        }
    }
    assert_eq!(broken, [] as [&str; 0]);
    assert!(followed > 70, "{followed}");
}

/// A word alone stands for text to be written later.
#[test]
fn every_paragraph_has_more_than_one_word() {
    let pages = pages();
    let paragraphs = pages.iter().flat_map(|(path, page)| page.prose.split("\n\n").map(move |it| (path, it.trim())));
    let words: Vec<_> = paragraphs.filter(|(_, text)| !text.is_empty() && !text.contains(' ')).collect();
    assert_eq!(words, []);
}

#[test]
fn korean_pages_match_their_english_twins() {
    let pages = pages();
    let mut compared = 0;
    for (path, korean) in &pages {
        let Some(stem) = path.to_str().unwrap().strip_suffix(".ko.md") else { continue };
        let english = pages.get(Path::new(&format!("{stem}.md"))).unwrap();
        assert_eq!(korean.levels(), english.levels(), "headings of {}", path.display());
        assert_eq!(korean.shell_blocks(), english.shell_blocks(), "commands of {}", path.display());
        assert_eq!(korean.named_commands(), english.named_commands(), "commands in the text of {}", path.display());
        compared += 1;
    }
    assert!(compared >= 2, "{compared}");
}

#[test]
fn each_protocol_page_has_the_sections_a_diagram_and_a_table_of_failures() {
    let mut files = Vec::new();
    markdown_files(&template::project_file("docs/protocols"), &mut files);
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let sections: Vec<(&str, &str)> =
            text.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect();
        let headings: Vec<&str> = sections.iter().map(|(heading, _)| *heading).collect();
        assert_eq!(headings, PROTOCOL, "{}", file.display());
        let (design, failures) = (sections[1].1, sections[2].1);
        let has_diagram = ["sequenceDiagram", "stateDiagram-v2"]
            .iter()
            .any(|diagram| design.contains(&format!("```mermaid\n{diagram}\n")));
        assert!(has_diagram, "{} has no diagram of sequence or state", file.display());
        assert!(failures.contains("\n|---|"), "{} has no table of failures", file.display());
    }
}

/// A page for each alarm, headed by its name, and a link to each from the list of alarms.
#[test]
fn every_alarm_has_a_runbook() {
    let resources = template::template()["Resources"].as_object().unwrap();
    let alarms = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let alarms: BTreeSet<String> = alarms.map(|(name, _)| name.clone()).collect();
    let mut files = Vec::new();
    markdown_files(&template::project_file("docs/operations/runbooks"), &mut files);
    let mut runbooks = BTreeSet::new();
    for file in files {
        let page = Page::parse(&fs::read_to_string(&file).unwrap());
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let headings: Vec<&str> = page.headings.iter().map(|heading| heading.text.as_str()).collect();
        assert_eq!(headings[..4], [name.as_str(), "Meaning", "Look", "Act"], "{}", file.display());
        runbooks.insert(name);
    }
    assert_eq!(runbooks, alarms);
    let list = Page::parse(&fs::read_to_string(template::project_file("docs/operations/alarms.md")).unwrap());
    let listed: BTreeSet<String> = list
        .links()
        .iter()
        .filter_map(|link| link.strip_prefix("runbooks/")?.strip_suffix(".md"))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, alarms);
}
