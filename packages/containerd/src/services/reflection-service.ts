// grpc.reflection.v1.ServerReflection and its v1alpha: tools learn the services and types of this daemon from itself.
import { loadService } from '@tscontainer/platform/contract-loader';
import type { FileDescriptors } from '@tscontainer/platform/file-descriptors';
import type { ServedService } from '@tscontainer/platform/grpc-server';

interface Request {
  host: string;
  messageRequest?: string;
  fileByFilename?: string;
  fileContainingSymbol?: string;
  fileContainingExtension?: { containingType: string; extensionNumber: number };
  allExtensionNumbersOfType?: string;
}

const notFound = 5;
const invalidArgument = 3;

/** `served`: the full names of all services, these two included. */
export function reflectionServices(served: () => string[]): ServedService[] {
  let loading: Promise<FileDescriptors> | undefined;
  const descriptors = () => {
    // megabytes that a daemon whom nobody asks does without
    loading ??= import('@tscontainer/platform/file-descriptors').then(({ loadFileDescriptors }) =>
      loadFileDescriptors(),
    );
    return loading;
  };
  async function* answer(requests: AsyncIterable<Request>): AsyncIterable<unknown> {
    for await (const request of requests)
      yield { validHost: request.host, originalRequest: request, ...answerTo(request, await descriptors(), served) };
  }
  return ['v1', 'v1alpha'].map((version) => ({
    definition: loadService(
      `grpc/reflection/${version}/reflection.proto`,
      `grpc.reflection.${version}.ServerReflection`,
    ),
    handlers: { ServerReflectionInfo: answer },
  }));
}

function answerTo(request: Request, descriptors: FileDescriptors, served: () => string[]): object {
  switch (request.messageRequest) {
    case 'listServices':
      return { listServicesResponse: { service: served().map((name) => ({ name })) } };
    case 'fileByFilename':
      return files(descriptors, request.fileByFilename ?? '', request.fileByFilename ?? '');
    case 'fileContainingSymbol': {
      const symbol = request.fileContainingSymbol ?? '';
      return files(descriptors, descriptors.fileOf(symbol) ?? '', symbol);
    }
    case 'allExtensionNumbersOfType': {
      const baseTypeName = request.allExtensionNumbersOfType ?? '';
      if (descriptors.fileOf(baseTypeName) === undefined) return failure(notFound, `${baseTypeName}: not found`);
      return { allExtensionNumbersResponse: { baseTypeName, extensionNumber: [] } }; // proto3 has none
    }
    case 'fileContainingExtension':
      return failure(notFound, `extension of ${request.fileContainingExtension?.containingType}: not found`);
    default:
      return failure(invalidArgument, 'reflection: no question was asked');
  }
}

function files(descriptors: FileDescriptors, file: string, asked: string): object {
  const fileDescriptorProto = descriptors.withImports(file);
  if (fileDescriptorProto.length === 0) return failure(notFound, `${asked}: not found`);
  // the file that was asked for comes first, as tools expect of an answer of one
  return { fileDescriptorResponse: { fileDescriptorProto: fileDescriptorProto.reverse() } };
}

function failure(errorCode: number, errorMessage: string): object {
  return { errorResponse: { errorCode, errorMessage } };
}
