/* Publishes an FLV file as OBS does: librtmp, its commands, its chunk size.
   usage: obs URL FILE   (URL in librtmp's form: "rtmp://... pubUser=U pubPasswd=P") */
#include <librtmp/log.h>
#include <librtmp/rtmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	static char buf[1 << 20];
	RTMP *r = RTMP_Alloc();
	FILE *f = argc == 3 ? fopen(argv[2], "rb") : NULL;
	size_t n;

	if (!f || !r)
		return 2;
	RTMP_LogSetLevel(RTMP_LOGWARNING);
	RTMP_Init(r);
	if (!RTMP_SetupURL(r, argv[1]))
		return 3;
	r->Link.flashVer.av_val = "FMLE/3.0 (compatible; FMSc/1.0)";
	r->Link.flashVer.av_len = (int)strlen(r->Link.flashVer.av_val);
	RTMP_EnableWrite(r);
	if (!RTMP_Connect(r, NULL) || !RTMP_ConnectStream(r, 0)) {
		fprintf(stderr, "not connected\n");
		return 4;
	}
	r->m_outChunkSize = 4096;
	RTMPPacket p;
	char body[4] = {0, 0, 0x10, 0};
	memset(&p, 0, sizeof p);
	char space[RTMP_MAX_HEADER_SIZE + 4];
	p.m_packetType = RTMP_PACKET_TYPE_CHUNK_SIZE;
	p.m_headerType = RTMP_PACKET_SIZE_LARGE;
	p.m_nChannel = 2;
	p.m_nBodySize = 4;
	p.m_body = space + RTMP_MAX_HEADER_SIZE;
	memcpy(p.m_body, body, 4);
	r->m_outChunkSize = 128;
	if (!RTMP_SendPacket(r, &p, 0))
		return 5;
	r->m_outChunkSize = 4096;
	while ((n = fread(buf, 1, sizeof buf, f)) > 0) {
		size_t at = 0;
		while (at < n) {
			int w = RTMP_Write(r, buf + at, (int)(n - at));
			if (w <= 0) {
				fprintf(stderr, "not sent\n");
				return 6;
			}
			at += (size_t)w;
		}
	}
	RTMP_Close(r);
	RTMP_Free(r);
	return 0;
}
