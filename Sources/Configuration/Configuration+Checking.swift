// What no directive can judge by itself, since it hangs on another one.

extension ConfigurationLayers {
    mutating func checkTogether() {
        checkListening()
    }

    /// R60: beyond this machine only for clients that somebody named.
    private mutating func checkListening() {
        guard configuration.access.clients == .unset else { return }
        for address in configuration.listen where !address.isLoopback {
            report(
                source(of: "listen").error(
                    key: "listen",
                    got:
                        "\"\(address.text)\", which other machines can reach, while access.clients says of none that "
                        + "it may use the proxy",
                    allowed: "an address of this machine only, such as \"127.0.0.1:3128\"; or write beside it "
                        + "access.clients = \"private\" (every machine of the private networks), or "
                        + "access.clients = [\"192.168.1.0/24\"] (those of this network)"
                )
            )
        }
    }
}
