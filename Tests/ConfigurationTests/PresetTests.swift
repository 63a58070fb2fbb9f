// The presets against the shapes of requests as they were recorded, with the identifiers of other people replaced.

import Configuration
import HTTPSemantics
import Testing

@Suite("Presets")
struct PresetTests {
    static let sha1 = String(repeating: "0123456789abcdef", count: 3).prefix(40)
    static let sha256 = String(repeating: "0123456789abcdef", count: 4)
    static let sha512 = sha256 + sha256

    static func expand(_ text: String) -> String {
        [("SHA1", String(sha1)), ("SHA256", sha256), ("SHA512", sha512), ("REST", String(sha256.prefix(60)))].reduce(
            text
        ) { text, name in
            text.split(separator: "<\(name.0)>", omittingEmptySubsequences: false).joined(separator: name.1)
        }
    }

    /// What a rule sets of the policy, in short.
    static func settings(_ policy: CachePolicy) -> String {
        var words: [String] = []
        if policy.isImmutable { words.append("immutable") }
        if let ttl = policy.ttl { words.append("ttl \(ttl)") }
        if !policy.mayStore { words.append("not stored") }
        var rest = policy
        (rest.isImmutable, rest.ttl, rest.mayStore) = (false, nil, true)
        #expect(rest == CachePolicy())
        return words.joined(separator: ", ")
    }

    /// - Parameters:
    ///   - rule: counted from 1; 0: none.
    ///   - key: nil: the URL itself.
    func check(_ preset: Preset, _ url: String, type: String? = nil, rule: Int, _ sets: String, key: String? = nil)
        throws
    {
        let rules = CacheRules(try preset.rules())
        let uri = try PatternTests.uri(Self.expand(url))
        let matched = rules.match(uri, contentType: type)
        #expect(matched?.origin == (rule == 0 ? nil : "preset \(preset.rawValue), rule \(rule)"), "\(uri)")
        #expect(Self.settings(rules.policy(CachePolicy(), for: uri, contentType: type)) == sets, "\(uri)")
        #expect(rules.key(of: uri).uri == key.map { Self.expand($0) } ?? uri.description)
    }

    @Test("each is a sound text of rules", arguments: Preset.allCases)
    func sound(preset: Preset) throws {
        let rules = try preset.rules()
        #expect(!rules.isEmpty)
        #expect(
            rules.map(\.origin) == (1...rules.count).map { "preset \(preset.rawValue), rule \($0)" }
        )
        // It can be copied into proxy.conf, and says the same there.
        let copied = try Configuration.load(fileText: preset.text, fileName: "proxy.conf").rules.rules
        #expect(copied.map(\.sentences) == rules.map(\.sentences))
        // A redirect lives as long as its origin says: what it points to may be signed for minutes.
        #expect(rules.allSatisfy { ($0.ttl ?? 0) == 0 && $0.minTTL == nil })
    }

    @Test("their names are those of the directive; the file's own rules stand before them, in the order of their names")
    func order() throws {
        let configuration = try Configuration.load(
            fileText: "presets = [\"pip\", \"apt\"]\n[[rule]]\nhost = \"a.example\"\nstore = true\n",
            fileName: "proxy.conf"
        )
        let origins = configuration.rules.rules.map(\.origin)
        #expect(origins.first == "proxy.conf:2")
        #expect(origins.dropFirst().first == "preset pip, rule 1")
        #expect(origins.last == "preset apt, rule 3")
        let deb = try PatternTests.uri("http://a.example/debian/pool/main/a/apt/apt_1_all.deb")
        #expect(configuration.rules.match(deb, contentType: nil)?.origin == "proxy.conf:2")
        let environment = try Configuration.load(
            fileText: nil,
            fileName: "proxy.conf",
            environment: ["HOLDFAST_PRESETS": "steam"]
        )
        #expect(environment.rules.rules.map(\.origin) == ["preset steam, rule 1"])
        #expect(
            LoadingTests.errors(settings: [("presets", "[\"apt\", \"apk\"]")]).first?.hasPrefix(
                "--set: presets: got [\"apt\", \"apk\"]; allowed: a list of \"apt\", \"dnf\", \"pip\""
            ) == true
        )
        #expect(LoadingTests.errors(settings: [("presets", "[\"apt\", \"apt\"]")]).count == 1)
    }

    @Test(
        "apt: hashes and versions in the pool never change, lists are asked about",
        arguments: [
            ("http://deb.debian.org/debian/dists/bookworm/main/binary-amd64/by-hash/SHA256/<SHA256>", 1, "immutable"),
            ("http://archive.ubuntu.com/ubuntu/dists/noble/main/i18n/by-hash/SHA1/<SHA1>", 1, "immutable"),
            ("http://deb.debian.org/debian/pool/main/a/apt/apt_2.6.1_amd64.deb", 2, "immutable"),
            (
                "http://security.debian.org/debian-security/pool/updates/main/c/curl/curl_7.88.1-10+deb12u8_amd64.deb",
                2, "immutable"
            ),
            (
                "http://archive.ubuntu.com/ubuntu/pool/universe/v/vim/vim_2%3a9.1.0016-1ubuntu7_amd64.deb", 2,
                "immutable"
            ),
            ("http://deb.debian.org/debian/pool/main/d/debian-installer/di_20230607_amd64.udeb", 2, "immutable"),
            ("http://ddebs.ubuntu.com/pool/main/b/bash/bash-dbgsym_5.2.21-2ubuntu4_amd64.ddeb", 2, "immutable"),
            ("http://deb.debian.org/debian/pool/main/a/apt/apt_2.6.1.dsc", 2, "immutable"),
            ("http://deb.debian.org/debian/pool/main/c/curl/curl_7.88.1.orig.tar.gz.asc", 2, "immutable"),
            ("http://deb.debian.org/debian/dists/bookworm/InRelease", 3, "ttl 0"),
            ("http://deb.debian.org/debian/dists/bookworm-updates/main/binary-amd64/Packages.xz", 3, "ttl 0"),
            ("http://repo.example/deb/stable/./InRelease", 3, "ttl 0"),
            ("http://repo.example/Packages.gz", 3, "ttl 0"), ("http://repo.example/Release.gpg", 3, "ttl 0"),
            // A name that outlives its versions.
            ("http://dl.example/linux/direct/browser-stable_current_amd64.deb", 0, ""),
            ("http://deb.debian.org/debian/pool/main/a/apt/", 0, ""),
            ("http://deb.debian.org/debian/pool/main/a_b/", 0, ""),
            ("http://repo.example/PackagesOfMine", 0, ""), ("http://repo.example/by-hash/<SHA256>", 0, ""),
        ]
    )
    func apt(url: String, rule: Int, sets: String) throws {
        try check(.apt, url, rule: rule, sets)
    }

    @Test(
        "dnf: hashed lists and releases never change, repomd.xml is asked about",
        arguments: [
            (
                "http://mirror.example/fedora/linux/releases/41/Everything/x86_64/os/repodata/<SHA256>-primary.xml.zst",
                1, "immutable"
            ),
            ("http://download.opensuse.org/tumbleweed/repo/oss/repodata/<SHA512>-filelists.xml.gz", 1, "immutable"),
            ("http://mirror.example/repodata/repomd.xml", 2, "ttl 0"),
            ("http://mirror.example/almalinux/9/BaseOS/x86_64/os/repodata/repomd.xml.asc", 2, "ttl 0"),
            ("http://mirror.example/repodata/primary.xml.gz", 2, "ttl 0"),
            ("http://mirror.example/pub/epel/epel-release-latest-9.noarch.rpm", 3, "ttl 0"),
            ("http://dl.example/linux/direct/browser-stable_current_x86_64.rpm", 3, "ttl 0"),
            ("http://mirror.example/41/Everything/x86_64/os/Packages/b/bash-5.2.32-1.fc41.x86_64.rpm", 4, "immutable"),
            ("http://mirror.example/9/BaseOS/x86_64/os/Packages/drpms/a-1-1_1-2.el9.x86_64.drpm", 4, "immutable"),
            ("http://dl.example/agent.rpm", 0, ""),
            ("http://mirror.example/mirrorlist?repo=fedora-41&arch=x86_64", 0, ""),
        ]
    )
    func dnf(url: String, rule: Int, sets: String) throws {
        try check(.dnf, url, rule: rule, sets)
    }

    @Test(
        "pip: files never change, lists of them are asked about",
        arguments: [
            ("https://files.example/packages/f9/9b/<REST>/requests-2.32.3-py3-none-any.whl", 1, "immutable"),
            ("https://files.example/packages/f9/9b/<REST>/requests-2.32.3-py3-none-any.whl.metadata", 1, "immutable"),
            ("https://files.example/packages/63/70/<REST>/requests-2.32.3.tar.gz", 1, "immutable"),
            ("http://nexus.lan/repository/pypi/packages/six/1.16.0/six-1.16.0-py2.py3-none-any.whl", 1, "immutable"),
            ("https://index.example/simple/requests/", 2, "ttl 0"),
            ("http://devpi.lan/root/pypi/+simple/requests/", 0, ""),
            ("http://nexus.lan/repository/pypi/simple/requests", 2, "ttl 0"),
            ("https://index.example/simple/", 2, "ttl 0"),
            ("http://vendor.example/packages/tool-latest.tar.gz", 0, ""),
            ("https://index.example/pypi/requests/json", 0, ""), ("https://index.example/whl/nightly/a-1.whl", 0, ""),
        ]
    )
    func pip(url: String, rule: Int, sets: String) throws {
        try check(.pip, url, rule: rule, sets)
    }

    @Test(
        "npm: tarballs never change, and nothing is said of metadata",
        arguments: [
            ("https://registry.example/lodash/-/lodash-4.17.21.tgz", 1, "immutable"),
            ("https://registry.example/@babel/core/-/core-7.26.0.tgz", 1, "immutable"),
            ("https://registry.example/@babel%2fcore/-/core-7.26.0.tgz", 1, "immutable"),
            ("http://verdaccio.lan:4873/npm/@me/a/-/@me/a-1.0.0.tgz", 1, "immutable"),
            ("https://registry.example/lodash", 0, ""), ("https://registry.example/-/v1/search?text=a.tgz", 0, ""),
            ("https://registry.example/-/package/lodash/dist-tags", 0, ""),
        ]
    )
    func npm(url: String, rule: Int, sets: String) throws {
        try check(.npm, url, rule: rule, sets)
    }

    @Test(
        "containers: what is named by its digest never changes, whatever the signature",
        arguments: [
            ("https://registry.example/v2/library/debian/blobs/sha256:<SHA256>", nil, 2, "immutable", nil),
            (
                "https://registry.example/v2/library/debian/blobs/sha256:<SHA256>", "application/octet-stream", 2,
                "immutable", nil
            ),
            // A redirect that may be kept for a year, to a URL that is signed for minutes.
            (
                "https://registry.example/v2/calico/node/blobs/sha256:<SHA256>", "text/html; charset=utf-8", 1,
                "not stored", nil
            ),
            ("https://registry.example/v2/library/debian/manifests/sha256:<SHA256>", nil, 2, "immutable", nil),
            ("https://registry.example/v2/library/debian/manifests/latest", nil, 0, "", nil),
            ("https://registry.example/v2/library/debian/tags/list", nil, 0, "", nil),
            ("https://registry.example/v2/", nil, 0, "", nil),
            (
                "https://cdn.example/registry-v2/docker/registry/v2/blobs/sha256/01/<SHA256>/data?verify=1724172530-5QFH8JiRFjY%3D",
                nil, 3, "immutable", "https://cdn.example/registry-v2/docker/registry/v2/blobs/sha256/01/<SHA256>/data"
            ),
            (
                "https://images.example/registry-v2/docker/registry/v2/blobs/sha256/01/<SHA256>/data?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                    + "&X-Amz-Credential=a%2F20251202%2Fauto%2Fs3%2Faws4_request&X-Amz-Date=20251202T034442Z&X-Amz-Expires=1200"
                    + "&X-Amz-SignedHeaders=host&X-Amz-Signature=8b77",
                nil, 3, "immutable",
                "https://images.example/registry-v2/docker/registry/v2/blobs/sha256/01/<SHA256>/data"
            ),
            (
                "https://d1.example/sha256/01/<SHA256>?Expires=1577978911&Signature=JqQxE~1&Key-Pair-Id=APKA",
                nil, 3, "immutable", "https://d1.example/sha256/01/<SHA256>"
            ),
            (
                "https://pkg.example/ghcr1/blobs/sha256:<SHA256>?se=2023-10-19T23%3A35%3A00Z&sig=%2FbqdX5&sp=r&spr=https&sr=b&sv=2019-12-12",
                nil, 3, "immutable", "https://pkg.example/ghcr1/blobs/sha256:<SHA256>"
            ),
            (
                "https://blob.example/a1-b2//docker/registry/v2/blobs/sha256/01/<SHA256>/data?se=1&sig=2&ske=3&skoid=4&sks=b&skt=5"
                    + "&sktid=6&skv=7&sp=r&spr=https&sr=b&sv=8&regid=9",
                nil, 3, "immutable",
                "https://blob.example/a1-b2//docker/registry/v2/blobs/sha256/01/<SHA256>/data?regid=9"
            ),
        ] as [(String, String?, Int, String, String?)]
    )
    func containers(url: String, type: String?, rule: Int, sets: String, key: String?) throws {
        try check(.containers, url, type: type, rule: rule, sets, key: key)
    }

    @Test(
        "huggingface: a commit never changes, a branch does, and the signature does not count",
        arguments: [
            ("https://hub.example/org/model/resolve/<SHA1>/config.json", 1, "immutable", nil),
            (
                "https://hub.example/datasets/org/data/resolve/<SHA1>/a/b/train.parquet?download=true", 1, "immutable",
                nil
            ),
            ("https://hub.example/org/model/resolve/main/model.safetensors", 0, "", nil),
            ("https://hub.example/api/models/org/model/revision/main", 0, "", nil),
            (
                "https://cas.example/xet-bridge-us/68fd092451919feb91c16688/<SHA256>?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                    + "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential=cas%2F20251202&X-Amz-Date=20251202T191251Z"
                    + "&X-Amz-Expires=3600&X-Amz-Signature=3204&X-Amz-SignedHeaders=host&X-Xet-Cas-Uid=public"
                    + "&response-content-disposition=inline%3B+filename%3D%22a.gguf%22%3B&x-id=GetObject&Expires=1764706371"
                    + "&Policy=eyJT&Signature=MEUC&Key-Pair-Id=K1LY",
                2, "immutable",
                "https://cas.example/xet-bridge-us/68fd092451919feb91c16688/<SHA256>"
                    + "?response-content-disposition=inline%3B+filename%3D%22a.gguf%22%3B&x-id=GetObject"
            ),
            (
                "https://lfs.example/repos/ab/cd/<SHA256>/<SHA256>?response-content-disposition=inline&Expires=1&Policy=2&Signature=3&Key-Pair-Id=4",
                2, "immutable", "https://lfs.example/repos/ab/cd/<SHA256>/<SHA256>?response-content-disposition=inline"
            ),
        ] as [(String, Int, String, String?)]
    )
    func huggingFace(url: String, rule: Int, sets: String, key: String?) throws {
        try check(.huggingFace, url, rule: rule, sets, key: key)
    }

    @Test(
        "git-lfs: an object never changes, whoever asks for it",
        arguments: [
            ("https://gitlab.example/group/project.git/gitlab-lfs/objects/<SHA256>", 1, "immutable", nil),
            ("https://gitea.example/me/project.git/info/lfs/objects/<SHA256>", 1, "immutable", nil),
            ("https://gitea.example/me/project.git/info/lfs/objects/batch", 0, "", nil),
            (
                "https://cloud.example/alambic/media/514151638/01/23/<SHA256>?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20221029T180528Z"
                    + "&X-Amz-Expires=3600&X-Amz-Signature=060a&X-Amz-SignedHeaders=host&actor_id=0&key_id=0&repo_id=557500842&token=1",
                2, "immutable", "https://cloud.example/alambic/media/514151638/01/23/<SHA256>"
            ),
        ] as [(String, Int, String, String?)]
    )
    func gitLFS(url: String, rule: Int, sets: String, key: String?) throws {
        try check(.gitLFS, url, rule: rule, sets, key: key)
    }

    @Test(
        "github-releases: the signature does not count, what changes the answer's header does",
        arguments: [
            (
                "https://release-assets.githubusercontent.com/github-production-release-asset/27574418/a71442d6-9d7f-4ff0-8cd2-64a8fc50dbc6"
                    + "?sp=r&sv=2018-11-09&sr=b&spr=https&se=2025-12-04T18%3A19%3A58Z&rscd=attachment%3B+filename%3Da.zip"
                    + "&rsct=application%2Foctet-stream&skoid=1&sktid=2&skt=3&ske=4&sks=b&skv=2018-11-09&sig=jb8%3D&jwt=eyJ0"
                    + "&response-content-disposition=attachment&response-content-type=application%2Foctet-stream",
                1, "immutable",
                "https://release-assets.githubusercontent.com/github-production-release-asset/27574418/a71442d6-9d7f-4ff0-8cd2-64a8fc50dbc6"
                    + "?rscd=attachment%3B+filename%3Da.zip&rsct=application%2Foctet-stream"
                    + "&response-content-disposition=attachment&response-content-type=application%2Foctet-stream"
            ),
            (
                "https://objects.githubusercontent.com/github-production-release-asset-2e65be/984655428/39bf79c0-3c09-47e0-acaf-658da2b3fc7c"
                    + "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0ed9&response-content-disposition=attachment",
                1, "immutable",
                "https://objects.githubusercontent.com/github-production-release-asset-2e65be/984655428/39bf79c0-3c09-47e0-acaf-658da2b3fc7c"
                    + "?response-content-disposition=attachment"
            ),
            ("https://github.com/o/r/releases/download/v1/a.zip", 0, "", nil),
            ("https://else.example/github-production-release-asset/1/2?sig=3", 0, "", nil),
        ] as [(String, Int, String, String?)]
    )
    func gitHubReleases(url: String, rule: Int, sets: String, key: String?) throws {
        try check(.gitHubReleases, url, rule: rule, sets, key: key)
    }

    @Test(
        "steam: the hosts that give out the same piece share it, others do not",
        arguments: [
            (
                "http://cache6-ord1.steamcontent.com/depot/677621/chunk/<SHA1>", 1, "immutable",
                "http://steam.invalid/depot/677621/chunk/<SHA1>"
            ),
            (
                "http://google.cdn.steampipe.steamcontent.com/depot/677621/chunk/<SHA1>?token=1", 1, "immutable",
                "http://steam.invalid/depot/677621/chunk/<SHA1>"
            ),
            (
                "https://steampipe.akamaized.net/depot/1256741/manifest/563876060887700868/5/4784645775578633095", 1,
                "immutable",
                "https://steam.invalid/depot/1256741/manifest/563876060887700868/5/4784645775578633095"
            ),
            ("http://cache6-ord1.steamcontent.com/server-status", 0, "", nil),
            ("http://evil.example/depot/677621/chunk/<SHA1>", 0, "", nil),
            ("http://steamcontent.com.evil.example/depot/677621/chunk/<SHA1>", 0, "", nil),
        ] as [(String, Int, String, String?)]
    )
    func steam(url: String, rule: Int, sets: String, key: String?) throws {
        try check(.steam, url, rule: rule, sets, key: key)
    }

    @Test(
        "windows-update: the hosts that give out the same file share it, and the signature does not count",
        arguments: [
            (
                "http://tlu.dl.delivery.mp.microsoft.com/filestreamingservice/files/d602328d-a3ca-49bb-bc49-e3ce5e26ff1c?P1=1547175661&P2=402&P3=2&P4=nH%2bBEF",
                1, "immutable",
                "http://windows-update.invalid/filestreamingservice/files/d602328d-a3ca-49bb-bc49-e3ce5e26ff1c"
            ),
            (
                "http://dl.delivery.mp.microsoft.com/filestreamingservice/files/df83d2db-848e-4950-b130-c186a1f1f76d/pieceshash",
                1, "immutable",
                "http://windows-update.invalid/filestreamingservice/files/df83d2db-848e-4950-b130-c186a1f1f76d/pieceshash"
            ),
            (
                "http://download.windowsupdate.com/c/msdownload/update/others/2019/10/30117433_<SHA1>.cab", 2,
                "immutable",
                "http://windows-update.invalid/c/msdownload/update/others/2019/10/30117433_<SHA1>.cab"
            ),
            (
                "http://2.au.download.windowsupdate.com/d/upgr/2024/09/22631_x64fre_en-us_<SHA1>.esd?P1=1", 2,
                "immutable",
                "http://windows-update.invalid/d/upgr/2024/09/22631_x64fre_en-us_<SHA1>.esd"
            ),
            // A list under a name that outlives it.
            ("http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/authrootstl.cab", 0, "", nil),
            ("http://evil.example/filestreamingservice/files/d602328d?P1=1", 0, "", nil),
        ] as [(String, Int, String, String?)]
    )
    func windowsUpdate(url: String, rule: Int, sets: String, key: String?) throws {
        try check(.windowsUpdate, url, rule: rule, sets, key: key)
    }
}
