// CONNECT: refused, or tunnelled. (A third way, interception, will enter here.) Bytes of a tunnel are
// nobody's business: they are counted and not looked at.

import HTTPSemantics
import NIOCore
import Transport
import Wire

enum ConnectRoute: Equatable {
    case refuse(LocalResponse)
    case tunnel(Authority)

    /// - Parameter framing: of the CONNECT request: it must have no content (R28).
    static func of(_ request: RequestHead, framing: BodyFraming, access: Access) -> ConnectRoute {
        guard case .authority(let authority) = request.target, let port = authority.port else {
            return .refuse(.refused(.target(.malformed)))
        }
        guard framing == .none else { return .refuse(.connectWithContent) }
        guard access.admitsConnect(port: port) else {
            return .refuse(.portNotAllowed(port, directive: "access.connect_ports"))
        }
        return .tunnel(authority)
    }
}

/// One tunnel, for the log.
final class TunnelExchange {
    private let hall: ExchangeHall
    private var record: ExchangeRecord
    private var isOver = false

    init(hall: ExchangeHall, record: ExchangeRecord) {
        self.hall = hall
        self.record = record
    }

    func start(to authority: Authority, on stream: DownstreamStream) {
        record.cacheStatus.forward = .method
        var answer = ResponseHead(status: 200, reason: "Connection established")
        answer.fields.append(.via, hall.viaField)
        answer.fields.append(.cacheStatus, record.cacheStatus.value(cacheName: hall.cacheName))
        Tunnel.open(
            host: authority.bareHost,
            port: authority.port ?? 443,
            check: hall.access.judge(
                client: stream.clientAddress,
                host: authority.bareHost,
                port: authority.port ?? 443
            ),
            deniedAddressRefusesAll: true,
            on: stream,
            client: hall.table.client,
            answer: answer,
            ended: { end in self.tunnelEnded(end, stream) }
        )
    }

    private func tunnelEnded(_ end: TunnelEnd, _ stream: DownstreamStream) {
        guard let failure = end.failure else {
            record.status = 200
            return ended(bytesDown: end.bytesDown, how: .complete)
        }
        let response = LocalResponse.upstream(failure)
        // Bytes that came along with CONNECT were meant for the tunnel (R65).
        stream.closeAfterResponse()
        hall.send(response, on: stream, method: .connect, record: &record)
        ended(bytesDown: 0, how: .complete)
    }

    private func ended(bytesDown: Int64, how: DeliveryEnd) {
        guard !isOver else { return }
        isOver = true
        record.bytesSent = bytesDown
        record.bytesFromUpstream = bytesDown
        record.ended(how)
        hall.log(record)
    }
}
