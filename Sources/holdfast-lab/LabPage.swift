// The page `/`: what the laboratory answers, in plain text.

enum LabPage {
    static let text = """
        holdfast-lab: an origin that fails as its URL says

          /f/SIZE/NAME?fault=value&...    a file; sizes such as 35M and 2G, any name
          /truth/SIZE/NAME?...            what it really is: version, length, SHA-256 (hash=no leaves it out,
                                          for=VERSION speaks of another version)
          /log                            the requests for files so far, as JSON lines; /log?reset forgets them,
                                          /log?from=NUMBER begins with this one
          /                               this page

        Every other query is another URL, with counts of its own. Sizes take K, M, G, T (powers of 1024). N..M is
        drawn for each response from the laboratory's seed, the URL and the number of the request.


        """ + FaultCatalogue.text
}
