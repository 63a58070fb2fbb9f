// The presets as people read them: `holdfast check --preset apt` prints one, and it can be copied into proxy.conf.
//
// A rule stands here only for what a protocol promises: a name that holds a hash, or a version that is never given out
// twice, does not change. No rule here lengthens the life of a redirect, since what it points to may be signed for
// minutes only: `immutable` says nothing of a 302 or 307, and `ttl` is used to shorten.

extension Preset {
    /// TOML, `[[rule]]` tables only.
    package var text: String {
        switch self {
        case .apt: Self.aptText
        case .dnf: Self.dnfText
        case .pip: Self.pipText
        case .npm: Self.npmText
        case .containers: Self.containersText
        case .huggingFace: Self.huggingFaceText
        case .gitLFS: Self.gitLFSText
        case .gitHubReleases: Self.gitHubReleasesText
        case .steam: Self.steamText
        case .windowsUpdate: Self.windowsUpdateText
        }
    }

    private static let aptText = """
        # apt: Debian, Ubuntu, and what is laid out like them.

        # The name is the hash of the content.
        [[rule]]
        path = "/**/by-hash/*/*"
        immutable = true

        # Name and version are in the name, and a version is given out once.
        [[rule]]
        path = [
            "/**/pool/**/*_*.deb", "/**/pool/**/*_*.udeb", "/**/pool/**/*_*.ddeb",
            "/**/pool/**/*_*.dsc", "/**/pool/**/*_*.tar.*", "/**/pool/**/*_*.diff.gz",
        ]
        immutable = true

        # Lists of what there is must fit each other: they are asked about each time.
        [[rule]]
        path = [
            "/**/dists/**", "/**/InRelease", "/**/Release", "/**/Release.gpg",
            "/**/Packages", "/**/Packages.*", "/**/Sources", "/**/Sources.*",
        ]
        ttl = "0s"
        """

    private static let dnfText = """
        # dnf, yum and zypper: Fedora, its relatives, openSUSE.

        # The name begins with the hash of the content: 64 digits of SHA-256, or 128 of SHA-512.
        [[rule]]
        path = [
            "/**/repodata/????????????????????????????????????????????????????????????????-*",
            "/**/repodata/????????????????????????????????????????????????????????????????????????????????????????????????????????????????????????????????-*",
        ]
        immutable = true

        # repomd.xml, its signature, and lists without a hash are asked about each time.
        [[rule]]
        path = "/**/repodata/*"
        ttl = "0s"

        # These names outlive a version.
        [[rule]]
        path = ["/**/*latest*.rpm", "/**/*current*.rpm"]
        ttl = "0s"

        # Name, version and release are in the name, and a release is given out once.
        [[rule]]
        path = ["/**/*-*-*.rpm", "/**/*-*-*.drpm"]
        immutable = true
        """

    private static let pipText = """
        # pip, uv, poetry: wheels and source distributions.

        # A file name is given out once, even where the file was deleted.
        [[rule]]
        path = [
            "/**/packages/**/*.whl", "/**/packages/**/*.whl.metadata",
            "/**/packages/**/*.tar.gz", "/**/packages/**/*.zip",
        ]
        immutable = true

        # The lists of files of a project are asked about each time.
        [[rule]]
        path = ["/**/simple/", "/**/simple/*/", "/**/simple/*"]
        ttl = "0s"
        """

    private static let npmText = """
        # npm, yarn and pnpm: tarballs of packages. What says which versions there are is left to the registry's own words.

        # A version is given out once, even where it was withdrawn.
        [[rule]]
        path = ["/**/-/*.tgz", "/**/-/@*/*.tgz"]
        immutable = true
        """

    private static let containersText = """
        # Images of containers, and whatever else lies in an OCI registry: blobs and manifests by their digest.

        # Some registries let a redirect to a signed URL be kept for a year; the signature ends sooner.
        [[rule]]
        path = "/v2/**/blobs/*"
        type = "text/html"
        store = false

        # The name is the hash of the content.
        [[rule]]
        path = ["/v2/**/blobs/sha256:*", "/v2/**/blobs/sha512:*", "/v2/**/manifests/sha256:*", "/v2/**/manifests/sha512:*"]
        immutable = true

        # What a registry redirects to: the hash is in the path, and the query a signature that changes.
        [[rule]]
        path = [
            "/**/registry/v2/blobs/sha256/??/????????????????????????????????????????????????????????????????/data",
            "/**/sha256/??/????????????????????????????????????????????????????????????????",
            "/**/sha256:????????????????????????????????????????????????????????????????",
        ]
        ignore_query = [
            "Expires", "Signature", "Key-Pair-Id", "Policy", "verify", "cf_sign", "cf_expiry", "X-Amz-*", "X-Goog-*",
            "se", "sig", "ske", "skoid", "sks", "skt", "sktid", "skv", "sp", "spr", "sr", "st", "sv",
        ]
        immutable = true
        """

    private static let huggingFaceText = """
        # Models and data sets of Hugging Face and its mirrors.

        # The 40 digits are a commit: what is there under it does not change. (A branch of 40 letters would be taken for one.)
        [[rule]]
        path = "/**/resolve/????????????????????????????????????????/**"
        immutable = true

        # Where large files are redirected to: the hash is in the path, and the query a signature that changes. The parameters
        # response-content-… stay in the key, since they change the header of the answer.
        [[rule]]
        path = [
            "/xet-bridge-*/*/????????????????????????????????????????????????????????????????",
            "/repos/??/??/????????????????????????????????????????????????????????????????/????????????????????????????????????????????????????????????????",
        ]
        ignore_query = ["Expires", "Policy", "Signature", "Key-Pair-Id", "X-Amz-*", "X-Goog-*", "X-Xet-Cas-Uid"]
        immutable = true
        """

    private static let gitLFSText = """
        # Git LFS: objects, whose name is the SHA-256 of the content.

        # GitLab, Gitea and Forgejo give them out themselves.
        [[rule]]
        path = ["/**/gitlab-lfs/objects/????????????????????????????????????????????????????????????????", "/**/info/lfs/objects/????????????????????????????????????????????????????????????????"]
        immutable = true

        # GitHub does so under a signature that changes, and says who asks.
        [[rule]]
        path = "/alambic/media/*/??/??/????????????????????????????????????????????????????????????????"
        ignore_query = ["X-Amz-*", "actor_id", "key_id", "repo_id", "token"]
        immutable = true
        """

    private static let gitHubReleasesText = """
        # Files of GitHub releases, where github.com redirects to: the last part of the path is the identifier of one upload,
        # and the query a signature that changes. rscd, rsct and response-content-… stay in the key, since they change the
        # header of the answer.
        [[rule]]
        host = ["release-assets.githubusercontent.com", "objects.githubusercontent.com"]
        path = ["/github-production-release-asset/*/*", "/github-production-release-asset-*/*/*"]
        ignore_query = [
            "X-Amz-*", "actor_id", "key_id", "repo_id", "jwt",
            "se", "sig", "ske", "skoid", "sks", "skt", "sktid", "skv", "sp", "spr", "sr", "st", "sv",
        ]
        immutable = true
        """

    private static let steamText = """
        # Steam: pieces of games. The name is the hash of the content, and many hosts give out the same ones; which of them a
        # client asks, and with which token, changes from piece to piece.
        [[rule]]
        host = [
            ".steamcontent.com", ".cs.steampowered.com", ".content.steampowered.com",
            "steampipe.akamaized.net", "steampipe-kr.akamaized.net", "steampipe-partner.akamaized.net",
        ]
        path = ["/depot/*/chunk/*", "/depot/*/manifest/**", "/depot/*/patch/**"]
        key = "{scheme}://steam.invalid{path}"
        immutable = true
        """

    private static let windowsUpdateText = """
        # Windows Update, Microsoft Store, Delivery Optimization: they ask for ranges, and many hosts give out the same files.

        # The name is the identifier of one file, and the query a signature that changes.
        [[rule]]
        host = ".dl.delivery.mp.microsoft.com"
        path = "/filestreamingservice/files/**"
        key = "{scheme}://windows-update.invalid{path}"
        immutable = true

        # The name ends in the SHA-1 of the content.
        [[rule]]
        host = [".windowsupdate.com", ".dl.delivery.mp.microsoft.com", ".update.microsoft.com"]
        path = "/**/*_????????????????????????????????????????.*"
        key = "{scheme}://windows-update.invalid{path}"
        immutable = true
        """
}
