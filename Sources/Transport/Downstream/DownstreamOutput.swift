// What leaves on one client connection, in order: heads and small bodies gathered into one write, larger
// buffers as they are, and pieces of files by sendfile. It knows bytes and descriptors, no messages.

import NIOCore
import NIOPosix

/// The writing side of one connection; touched on its loop only.
final class DownstreamOutput {
    /// Up to this size a body is copied behind its head: cheaper than a write of two buffers.
    private static let gatheringLimit = 16 * 1024
    /// Pieces of this size cost what one sendfile of the whole would, and keep a loop fair.
    private static let filePiece: Int64 = 128 * 1024
    /// After so many pieces in one go the loop turns to its other connections.
    private static let piecesInOneGo = 8

    private enum Piece {
        case bytes(ByteBuffer)
        case file(FileTransfer)
        case action(() -> Void)
    }

    private final class FileTransfer {
        let handle: NIOFileHandle
        var position: Int64
        let end: Int64
        let keepAlive: AnyObject

        init(descriptor: CInt, range: Range<Int64>, keepAlive: AnyObject) {
            handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
            position = range.lowerBound
            end = range.upperBound
            self.keepAlive = keepAlive
        }

        deinit {
            // The descriptor is the store's: the handle gives it up, and never closes it.
            _ = try? handle.takeDescriptorOwnership()
        }
    }

    private let context: ChannelHandlerContext
    private var gathered: ByteBuffer
    private var waiting: [Piece] = []
    private var transfer: FileTransfer?
    private var piecesSent = 0
    private var isClosed = false
    /// Bytes given to the channel so far.
    private var given: Int64 = 0

    init(context: ChannelHandlerContext) {
        self.context = context
        gathered = context.channel.allocator.buffer(capacity: 0)
    }

    /// Whether nothing waits here and the channel has room.
    var isWritable: Bool { waiting.isEmpty && transfer == nil && context.channel.isWritable }

    /// Bytes that were given to the channel and not yet to the kernel.
    var unwritten: Int64 {
        Int64((try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0)
    }

    /// Bytes that the kernel has taken. It grows while the client reads.
    var written: Int64 { given - unwritten }

    // MARK: Writing

    /// Has the closure append to the bytes that are gathered for the next write.
    func gather(_ fill: (inout ByteBuffer) -> Void) {
        guard !isClosed else { return }
        guard transfer == nil, waiting.isEmpty else {
            var bytes = context.channel.allocator.buffer(capacity: 512)
            fill(&bytes)
            waiting.append(.bytes(bytes))
            return
        }
        fill(&gathered)
    }

    func write(_ bytes: ByteBuffer) {
        guard !isClosed, bytes.readableBytes > 0 else { return }
        guard transfer == nil, waiting.isEmpty else {
            waiting.append(.bytes(bytes))
            return
        }
        give(bytes)
    }

    /// Sends a span of a file, piece by piece, and flushes. What is written afterwards waits for it.
    func writeFile(descriptor: CInt, range: Range<Int64>, keepAlive: AnyObject) {
        guard !isClosed else { return }
        let next = FileTransfer(descriptor: descriptor, range: range, keepAlive: keepAlive)
        guard transfer == nil, waiting.isEmpty else {
            waiting.append(.file(next))
            return
        }
        begin(next)
    }

    func flush() {
        giveGathered()
        context.flush()
    }

    /// Runs the action when all that was written before has been given to the channel; at once if it has.
    func afterWaiting(_ action: @escaping () -> Void) {
        guard transfer != nil || !waiting.isEmpty else {
            action()
            return
        }
        waiting.append(.action(action))
    }

    /// Forgets what has not been given to the channel, and takes nothing more.
    func discardWaiting() {
        isClosed = true
        waiting.removeAll()
        transfer = nil
        giveGathered()
    }

    /// The channel is gone.
    func close() {
        isClosed = true
        waiting.removeAll()
        transfer = nil
        gathered.clear()
    }

    // MARK: Giving to the channel

    private func give(_ bytes: ByteBuffer) {
        if gathered.readableBytes > 0 {
            if bytes.readableBytes <= Self.gatheringLimit, gathered.readableBytes <= Self.gatheringLimit {
                gathered.writeImmutableBuffer(bytes)
                return
            }
            giveGathered()
        }
        given += Int64(bytes.readableBytes)
        context.write(NIOAny(IOData.byteBuffer(bytes)), promise: nil)
    }

    private func giveGathered() {
        guard gathered.readableBytes > 0 else { return }
        let bytes = gathered
        gathered = context.channel.allocator.buffer(capacity: 0)
        given += Int64(bytes.readableBytes)
        context.write(NIOAny(IOData.byteBuffer(bytes)), promise: nil)
    }

    private func begin(_ next: FileTransfer) {
        giveGathered()
        transfer = next
        continueTransfer(next)
    }

    private func continueTransfer(_ current: FileTransfer) {
        guard transfer === current else { return }
        guard current.position < current.end else {
            transfer = nil
            giveWaiting()
            return
        }
        let end = min(current.position + Self.filePiece, current.end)
        let region = FileRegion(
            fileHandle: current.handle,
            readerIndex: Int(current.position),
            endIndex: Int(end)
        )
        given += end - current.position
        current.position = end
        let sent = context.eventLoop.makePromise(of: Void.self)
        // The callback holds the transfer, and with it what keeps the descriptor open, until the kernel has the piece.
        sent.futureResult.assumeIsolated().whenComplete { result in
            guard case .success = result else { return }
            self.pieceSent(of: current)
        }
        context.writeAndFlush(NIOAny(IOData.fileRegion(region)), promise: sent)
    }

    private func pieceSent(of current: FileTransfer) {
        piecesSent += 1
        guard piecesSent >= Self.piecesInOneGo else {
            continueTransfer(current)
            return
        }
        piecesSent = 0
        context.eventLoop.assumeIsolated().execute { self.continueTransfer(current) }
    }

    private func giveWaiting() {
        while transfer == nil, !waiting.isEmpty {
            switch waiting.removeFirst() {
            case .bytes(let bytes): give(bytes)
            case .file(let next): begin(next)
            case .action(let action): action()
            }
        }
        flush()
    }
}
